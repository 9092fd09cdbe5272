'use client'
import Link from 'next/link'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { OperationsQuery } from '@/__generated__/OperationsQuery.graphql'
import { OperationRow } from '@/features/operation/OperationRow'
import { paths } from '@/lib/paths'
import { usePaced } from '@/lib/use-paced'
import { useOperationPulse } from '@/relay/own-operations'
import { useMayNot } from '@/relay/use-may'
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
  const mayNotLook = useMayNot('ADMIN')
  const log = !mayNotLook && (
    <p className="mt-4 text-soft">
      Refused requests and what was done at once are in{' '}
      <Link href={paths.audit({ target: id })} prefetch={false} className="text-ink underline underline-offset-2">
        its lines of the audit log
      </Link>
      .
    </p>
  )
  if (edges.length === 0)
    return (
      <>
        <p className="text-soft">Nothing has been done with it through NovaCron yet.</p>
        {log}
      </>
    )
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
      {log}
    </>
  )
}
