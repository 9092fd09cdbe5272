'use client'
import Link from 'next/link'
import { useMemo, useState } from 'react'
import { graphql, useLazyLoadQuery } from 'react-relay'
import type { BulkDialogMutation } from '@/__generated__/BulkDialogMutation.graphql'
import type { BulkDialogQuery } from '@/__generated__/BulkDialogQuery.graphql'
import { paths } from '@/lib/paths'
import { sentence } from '@/lib/sentence'
import { formatCount, plural } from '@/lib/units'
import { type Fault, faultOf } from '@/relay/fault'
import { follow } from '@/relay/own-operations'
import { useAction } from '@/relay/use-action'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Choice } from '@/ui/fields'
import { toast } from '@/ui/Toasts'
import { statusLook } from './status'
import type { VMFilter } from './vm-filter'

export type BulkVerb = 'START' | 'SHUTDOWN' | 'POWER_OFF' | 'DELETE'

const WORDS: Record<BulkVerb, { label: string; tells?: string }> = {
  START: { label: 'Start' },
  SHUTDOWN: { label: 'Shut down', tells: 'Their guests are asked to shut down. Disks and addresses are kept.' },
  POWER_OFF: {
    label: 'Force off',
    tells: 'This pulls their plugs. What the guests have not written to their disks is lost.',
  },
  DELETE: { label: 'Delete' },
}
/** From so many VMs on, pulling plugs has to be typed. */
const MANY = 10

type Props = { verb: BulkVerb; filter: VMFilter | { ids: string[] }; onClose: () => void; onDone: () => void }

/** Says what a bulk action would do, by status, and what it would leave; then does exactly that. */
export function BulkDialog({ verb, filter, onClose, onDone }: Props) {
  const { label, tells } = WORDS[verb]
  const [fate, setFate] = useState<'KEEP' | 'DELETE'>('KEEP')
  const [fault, setFault] = useState<Fault | null>(null)
  const asked = useMemo(() => withSomething(filter), [filter])
  const [fetchKey, setFetchKey] = useState(0)
  const { planBulkVMs: plan } = useLazyLoadQuery<BulkDialogQuery>(
    graphql`
      query BulkDialogQuery($input: BulkVMsInput!) {
        planBulkVMs(input: $input) {
          count
          byStatus {
            status
            count
          }
          skipped {
            reason
            count
          }
        }
      }
    `,
    { input: { action: verb, filter: asked } },
    { fetchPolicy: 'network-only', fetchKey },
  )
  const [send, busy] = useAction<BulkDialogMutation>(graphql`
    mutation BulkDialogMutation($input: BulkVMsInput!) {
      bulkVMs(input: $input) {
        operation {
          id
        }
      }
    }
  `)
  const dangerous = verb === 'DELETE' || verb === 'POWER_OFF'
  const typed =
    verb === 'DELETE' || (verb === 'POWER_OFF' && plan.count > MANY)
      ? `${label.toLowerCase()} ${plan.count}`
      : undefined
  const confirm = () => {
    send({ input: { action: verb, filter: asked, disks: fate, ifCount: plan.count } })
      .then(({ bulkVMs }) => {
        follow(bulkVMs.operation.id, `${label} ${plural(plan.count, 'VM')}`)
        toast(
          `${label}: ${plural(plan.count, 'VM')} under way.`,
          <Link href={paths.operations(bulkVMs.operation.id)} className="underline">
            See the results
          </Link>,
        )
        onDone()
      })
      .catch((cause) => {
        setFault(faultOf(cause))
        setFetchKey((key) => key + 1)
      })
  }
  return (
    <ConfirmDialog
      title={plan.count ? `${label} ${plural(plan.count, 'VM')}?` : `Nothing to ${label.toLowerCase()}`}
      label={label}
      danger={dangerous}
      typed={plan.count ? typed : undefined}
      busy={busy}
      fault={fault?.facts}
      disabledReason={plan.count ? undefined : 'None of the selected can be.'}
      onClose={onClose}
      onConfirm={confirm}
    >
      <ul className="flex flex-col gap-1">
        {plan.byStatus.map(({ status, count }) => (
          <li key={status} className="text-ink">
            {label} {formatCount(count)} {statusLook(status).word.toLowerCase()}
          </li>
        ))}
        {plan.skipped.map(({ reason, count }) => (
          <li key={reason}>
            Leave {formatCount(count)}: {sentence(reason)}
          </li>
        ))}
      </ul>
      {plan.count > 0 && tells && <p>{tells}</p>}
      {verb === 'DELETE' && plan.count > 0 && (
        <Choice
          label="Their disks"
          value={fate}
          onChange={setFate}
          columns="grid-cols-2"
          options={[
            { value: 'KEEP', label: 'Keep', hint: 'They stay in their pools.' },
            { value: 'DELETE', label: 'Delete', hint: 'Their content is gone.' },
          ]}
        />
      )}
    </ConfirmDialog>
  )
}

/** The API asks for at least one field; every VM is found or not missing. */
function withSomething<F extends object>(filter: F): F | { missing: false } {
  return Object.keys(filter).length > 0 ? filter : { missing: false }
}
