/**
 * The text of a search box: words and `key:value` terms in any order, as in
 * `status:running host:kvm-03 tag:env=prod "web shop"`. Text and terms are one state: what is
 * clicked is written into the text, and what is typed shows as clicked.
 */
export type Query = { words: string[]; terms: Term[] }
export type Term = { key: string; value: string }

const TOKEN = /(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))/gi

export function parseQuery(text: string, keys: readonly string[]): Query {
  const query: Query = { words: [], terms: [] }
  for (const [whole, key, quoted, bare] of text.matchAll(TOKEN)) {
    const value = quoted ?? bare ?? ''
    const known = key?.toLowerCase()
    if (known && keys.includes(known)) {
      if (value) query.terms.push({ key: known, value })
    } else if (key) query.words.push(quoted === undefined ? whole : `${key}:${quoted}`)
    else if (value && !isBareKey(value)) query.words.push(value)
  }
  return query

  // `status:` while the value is still to be typed.
  function isBareKey(word: string) {
    return word.endsWith(':') && keys.includes(word.slice(0, -1).toLowerCase())
  }
}

export function formatQuery({ words, terms }: Query): string {
  return [...terms.map(({ key, value }) => `${key}:${quote(value)}`), ...words.map(quote)].join(' ')
}

export function valuesOf(query: Query, key: string): string[] {
  return query.terms.filter((term) => term.key === key).map((term) => term.value)
}

export function hasTerm(query: Query, key: string, value: string): boolean {
  return query.terms.some((term) => term.key === key && same(term.value, value))
}

/** Adds the term, or takes it away when it is there. */
export function toggleTerm(query: Query, key: string, value: string): Query {
  if (!hasTerm(query, key, value)) return { ...query, terms: [...query.terms, { key, value }] }
  return { ...query, terms: query.terms.filter((term) => term.key !== key || !same(term.value, value)) }
}

function same(a: string, b: string) {
  return a.toLowerCase() === b.toLowerCase()
}

function quote(value: string) {
  return /\s/.test(value) ? `"${value}"` : value
}
