'use client'
import { graphql } from 'react-relay'
import type { FacetsQuery } from '@/__generated__/FacetsQuery.graphql'
import { formatQuery, hasTerm, parseQuery, toggleTerm } from '@/lib/filter'
import { formatCount } from '@/lib/units'
import { usePaced } from '@/lib/use-paced'
import { useReading } from '@/relay/use-reading'
import { cx } from '@/ui/cx'
import { State } from '@/ui/State'
import { useVMPulse } from './pulse'
import { STATUS, STATUSES } from './status'
import { VM_KEYS, type VMFilter } from './vm-filter'

/** Numbers follow the changes that rows follow, and are asked for every second at most. */
function useCounts(filter: VMFilter) {
  const fetchKey = usePaced(useVMPulse(), 1000)
  return useReading<FacetsQuery>(
    graphql`
      query FacetsQuery($filter: VMFilter) {
        vms(first: 1, filter: $filter) {
          totalCount
          statusCounts {
            status
            count
          }
        }
      }
    `,
    { filter },
    fetchKey,
  ).vms
}

export function Total({ filter }: { filter: VMFilter }) {
  return <span className="text-base text-soft tabular-nums">{formatCount(useCounts(filter).totalCount)}</span>
}

type Props = { filter: VMFilter; text: string; onText: (text: string) => void }

/** How many stand how, and a click to see only those. Statuses that nobody has are not offered. */
export function Facets({ filter, text, onText }: Props) {
  const { statusCounts } = useCounts(filter)
  const query = parseQuery(text, VM_KEYS)
  const counts = new Map(statusCounts.map(({ status, count }) => [status, count]))
  const shown = STATUSES.filter((status) => counts.get(status) || hasStatus(status))
  function hasStatus(status: keyof typeof STATUS) {
    return hasTerm(query, 'status', STATUS[status].word) || hasTerm(query, 'status', status)
  }
  return (
    <fieldset className="flex gap-1 overflow-x-auto [scrollbar-width:none] max-md:-mx-4 max-md:px-4">
      <legend className="sr-only">Status</legend>
      {shown.map((status) => {
        const on = hasStatus(status)
        const { tone, word } = STATUS[status]
        const written = hasTerm(query, 'status', status) ? status : word.toLowerCase()
        return (
          <button
            key={status}
            type="button"
            aria-pressed={on}
            onClick={() => onText(formatQuery(toggleTerm(query, 'status', written)))}
            className={cx(
              'flex h-7 items-center gap-1.5 rounded-md border px-2 text-xs whitespace-nowrap pointer-coarse:h-9',
              on ? 'border-ink bg-surface ring-1 ring-ink' : 'border-line hover:border-edge',
            )}
          >
            <State tone={tone} word={word} className="[&>span]:text-ink" />
            <span className="text-soft tabular-nums">{formatCount(counts.get(status) ?? 0)}</span>
          </button>
        )
      })}
    </fieldset>
  )
}
