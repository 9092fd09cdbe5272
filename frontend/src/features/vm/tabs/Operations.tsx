'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { OperationsQuery } from '@/__generated__/OperationsQuery.graphql'
import { OperationRow } from '@/features/operation/OperationRow'
import { usePaced } from '@/lib/use-paced'
import { useOperationPulse } from '@/relay/own-operations'
import { useReading } from '@/relay/use-reading'
import { Button } from '@/ui/Button'

const PAGE = 20

/** What was done with this VM, newest first. */
export function Operations({ id }: { id: string }) {
  const [open, setOpen] = useState<string | null>(null)
  const [first, setFirst] = useState(PAGE)
  const fetchKey = usePaced(useOperationPulse(), 1000)
  const { vm } = useReading<OperationsQuery>(
    graphql`
      query OperationsQuery($id: ID!, $first: Int!) {
        vm(id: $id) {
          id
          operations(first: $first) {
            totalCount
            edges {
              node {
                id
                ...OperationRow_operation
              }
            }
          }
        }
      }
    `,
    { id, first },
    fetchKey,
  )
  const { edges, totalCount } = vm?.operations ?? { edges: [], totalCount: 0 }
  if (edges.length === 0) return <p className="text-soft">Nothing has been done with it through NovaCron yet.</p>
  return (
    <>
      <ul aria-label="Operations" className="-mt-3">
        {edges.map(({ node }) => (
          <OperationRow
            key={node.id}
            operation={node}
            bare
            open={open === node.id}
            onOpen={(on) => setOpen(on ? node.id : null)}
          />
        ))}
      </ul>
      {edges.length < totalCount && (
        <Button className="mt-4" onClick={() => setFirst(first + PAGE)}>
          Older ones
        </Button>
      )}
    </>
  )
}
