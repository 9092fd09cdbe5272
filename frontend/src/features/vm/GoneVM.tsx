'use client'
import Link from 'next/link'
import type { ReactNode } from 'react'
import { graphql } from 'react-relay'
import type { GoneVMQuery } from '@/__generated__/GoneVMQuery.graphql'
import { paths } from '@/lib/paths'
import { usePaced } from '@/lib/use-paced'
import { useOperationPulse } from '@/relay/own-operations'
import { useMayNot } from '@/relay/use-may'
import { useReading } from '@/relay/use-reading'
import { Button } from '@/ui/Button'
import { FaultNote } from '@/ui/FaultNote'
import { PageBody, PageHeader } from '@/ui/page'
import { lastDraft } from './create/draft'

/** The page of a VM that is not there: its last operation tells what became of it. */
export function GoneVM({ id }: { id: string }) {
  const fetchKey = usePaced(useOperationPulse(), 1000)
  const { operations } = useReading<GoneVMQuery>(
    graphql`
      query GoneVMQuery($id: ID!) {
        operations(first: 1, filter: { target: $id, kind: [CREATE_VM, DELETE_VM] }) {
          edges {
            node {
              id
              kind
              status
              targetName
              error {
                code
                message
                remedy
                provider
                providerCode
                providerText
              }
            }
          }
        }
      }
    `,
    { id },
    fetchKey,
  )
  const operation = operations.edges[0]?.node
  const mayNotLook = useMayNot('ADMIN')
  const all = (
    <span className="flex flex-wrap gap-4">
      {!mayNotLook && (
        <Link href={paths.audit({ target: id })} prefetch={false} className="underline">
          Who did what with it
        </Link>
      )}
      <Link href={paths.vms()} className="underline">
        All virtual machines
      </Link>
    </span>
  )
  const deleted = operation?.kind === 'DELETE_VM'
  const unmade = operation?.kind === 'CREATE_VM' && (operation.status === 'FAILED' || operation.status === 'CANCELED')
  if (!deleted && !unmade)
    return (
      <Page title="There is no such VM" action={all}>
        It was deleted, or it was never there.
      </Page>
    )
  if (deleted)
    return (
      <Page title={`${operation.targetName} was deleted`} action={all}>
        What was kept of its disks is in their pools.
      </Page>
    )
  return (
    <Page
      title={`${operation.targetName} was not made`}
      action={
        <div className="flex flex-wrap items-center gap-4">
          <Button look="primary" link={<Link href={paths.newVM(undefined, lastDraft(id) && id)} />}>
            {lastDraft(id) ? 'Back to the form, as it was' : 'New VM'}
          </Button>
          <Link href={paths.operations(operation.id)} className="underline">
            See the operation
          </Link>
          {all}
        </div>
      }
    >
      {operation.status === 'CANCELED' && 'That was canceled, and what had been done is undone.'}
      {operation.error && (
        <div className="text-ink">
          <FaultNote fault={operation.error} />
        </div>
      )}
    </Page>
  )
}

function Page({ title, action, children }: { title: string; action: ReactNode; children: ReactNode }) {
  return (
    <>
      <PageHeader title={title} />
      <PageBody narrow>
        <div className="text-soft">{children}</div>
        <div className="mt-4">{action}</div>
      </PageBody>
    </>
  )
}
