/** What a program says, as people write it: with a capital and a full stop. Names that begin small stay so. */
export function sentence(text: string): string {
  const said = text.trim()
  if (!said) return ''
  const first = said.split(/\s/, 1)[0] ?? ''
  // `kvm-03 does not …` and `vcpus is …` begin with a name, not with a word.
  const begun = /^[a-z]+$/.test(first) && !NAMES.has(first) ? said[0]?.toUpperCase() + said.slice(1) : said
  return /[.!?…:)`”"]$/.test(begun) ? begun : `${begun}.`
}

const NAMES = new Set(['vcpus', 'libvirt', 'libvirtd', 'qcow2', 'virtio'])

/** Several of them, one after the other. */
export function sentences(...texts: (string | null | undefined)[]): string {
  return texts
    .map((text) => sentence(text ?? ''))
    .filter(Boolean)
    .join(' ')
}
