'use client'
import { graphql } from 'react-relay'
import type { ActiveCountQuery } from '@/__generated__/ActiveCountQuery.graphql'
import { formatCount } from '@/lib/units'
import { usePaced } from '@/lib/use-paced'
import { useOperationPulse } from '@/relay/own-operations'
import { useReading } from '@/relay/use-reading'

/** How many operations have not ended; asked again when one changes, at most every two seconds. */
export function ActiveCount() {
  const fetchKey = usePaced(useOperationPulse(), 2000)
  const { operations } = useReading<ActiveCountQuery>(
    graphql`
      query ActiveCountQuery {
        operations(first: 1, filter: { active: true }) {
          totalCount
        }
      }
    `,
    {},
    fetchKey,
  )
  if (operations.totalCount === 0) return null
  return <span className="text-xs text-soft">{formatCount(operations.totalCount)}</span>
}
