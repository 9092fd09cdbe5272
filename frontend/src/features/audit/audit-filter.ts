import type { AuditFilter } from '@/__generated__/AuditPageQuery.graphql'

/** What the address keeps of the search, under its names. */
export const KEYS = ['actor', 'action', 'outcome', 'since', 'until', 'target', 'operation'] as const
export type AuditKey = (typeof KEYS)[number]

const HOUR = 3_600_000

/** Times that are counted from now on back, as the address has them. */
export const SPANS: Record<string, { label: string; ms: number }> = {
  '1h': { label: 'Last hour', ms: HOUR },
  '24h': { label: 'Last 24 hours', ms: 24 * HOUR },
  '7d': { label: 'Last 7 days', ms: 7 * 24 * HOUR },
  '30d': { label: 'Last 30 days', ms: 30 * 24 * HOUR },
}

type Asked = { filter: AuditFilter; problems: string[] }

/** What is asked of the API for an address. What means nothing is told instead of asked. */
export function toAuditFilter(params: URLSearchParams, now: number): Asked {
  const problems: string[] = []
  const text = (key: AuditKey) => params.get(key) || undefined
  const time = (key: 'since' | 'until') => {
    const given = text(key)
    const span = given && key === 'since' ? SPANS[given] : undefined
    if (span) return new Date(now - span.ms).toISOString()
    if (!given) return undefined
    if (Number.isNaN(Date.parse(given))) problems.push(`“${given}” is no time.`)
    else return new Date(given).toISOString()
  }
  const since = time('since')
  const until = time('until')
  if (since && until && since >= until) problems.push('The time ends before it begins.')
  const outcome = text('outcome')?.toUpperCase()
  if (outcome && outcome !== 'ALLOWED' && outcome !== 'DENIED')
    problems.push(`“${outcome.toLowerCase()}” is no outcome.`)
  return {
    filter: {
      actor: text('actor'),
      action: text('action'),
      outcome: outcome as AuditFilter['outcome'],
      since,
      until,
      target: text('target'),
      operation: text('operation'),
    },
    problems,
  }
}

/** Whether the address asks for less than all. */
export const isNarrowed = (params: URLSearchParams) => KEYS.some((key) => params.get(key))

/** An id that somebody has from elsewhere: what it is of is in the id. */
export const filterOf = (id: string): Partial<Record<AuditKey, string>> =>
  id.startsWith('op_') ? { operation: id } : { target: id }

/** A time as `<input type="datetime-local">` has it: in the viewer’s own zone, to the minute. */
export function toLocal(iso: string): string {
  const time = new Date(iso)
  if (Number.isNaN(time.getTime())) return ''
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

export const fromLocal = (local: string): string => (local ? new Date(local).toISOString() : '')
