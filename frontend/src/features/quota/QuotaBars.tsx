'use client'
import { graphql, useFragment } from 'react-relay'
import type { QuotaBars_lines$key } from '@/__generated__/QuotaBars_lines.graphql'
import { Meter } from '@/ui/Meter'
import { COUNTED, type Line, standing } from './quota'

/** What an organisation has of each kind of thing, held against what it may have. */
export function QuotaBars({ lines: ref, of }: { lines: QuotaBars_lines$key; of: string }) {
  const lines = useFragment(
    graphql`
      fragment QuotaBars_lines on QuotaLine @relay(plural: true) {
        counted
        limit
        inUse
      }
    `,
    ref,
  ) as readonly Line[]
  return (
    <ul
      aria-label={`Quota of ${of}`}
      className="grid grid-cols-[repeat(auto-fill,minmax(12.5rem,1fr))] gap-x-6 gap-y-3"
    >
      {lines.map((line) => (
        <li key={line.counted} className="min-w-0">
          <Meter label={COUNTED[line.counted]} value={line.inUse} max={line.limit ?? null} text={standing(line)} />
        </li>
      ))}
    </ul>
  )
}
