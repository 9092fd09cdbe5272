import type { Option } from '@/ui/fields'

const FAMILIES = { q35: 'PCIe', pc: 'i440FX' }
const FAMILY = /^pc-(q35|i440fx)-(\d+)\.(\d+)$/

/**
 * A host knows dozens of machine types, most of them old versions kept for VMs that were made with them. The two
 * families and the newest version of each come first.
 */
export function machineTypeOptions(types: readonly string[]): Option[] {
  const newest = new Map<string, { type: string; version: number }>()
  for (const type of types) {
    const [, family = '', major, minor] = FAMILY.exec(type) ?? []
    const version = Number(major) * 1000 + Number(minor)
    if (family && version > (newest.get(family)?.version ?? -1)) newest.set(family, { type, version })
  }
  const families = Object.entries(FAMILIES).filter(([name]) => types.includes(name))
  const first = [
    ...families.map(([name]) => name),
    ...[...newest.values()]
      .map(({ type }) => type)
      .sort()
      .reverse(),
  ]
  return [
    { value: '', label: 'Newest (default)' },
    ...families.map(([value, what]) => ({ value, label: `${value} (${what})` })),
    ...first.filter((type) => !(type in FAMILIES)).map((value) => ({ value, label: value })),
    ...types.filter((type) => !first.includes(type)).map((value) => ({ value, label: value, group: 'Older' })),
  ]
}
