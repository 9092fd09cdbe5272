export type Tag = { readonly key: string; readonly value: string }

/** Labels as lines of `key=value`; a key alone has no value. */
export function formatTags(tags: readonly Tag[]): string {
  return tags.map(({ key, value }) => (value ? `${key}=${value}` : key)).join('\n')
}

/** Reads such lines; what a key says last counts, as a label has one value. */
export function parseTags(text: string): Tag[] {
  const tags = new Map<string, string>()
  for (const line of text.split(/[\n,]/)) {
    const [key = '', ...value] = line.trim().split('=')
    if (key.trim()) tags.set(key.trim(), value.join('=').trim())
  }
  return [...tags].map(([key, value]) => ({ key, value }))
}
