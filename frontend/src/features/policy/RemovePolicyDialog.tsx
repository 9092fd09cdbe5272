'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { RemovePolicyDialogMutation } from '@/__generated__/RemovePolicyDialogMutation.graphql'
import { type Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { ConfirmDialog } from '@/ui/ConfirmDialog'

type Props = {
  policy: { readonly id: string; readonly name: string; readonly enabled: boolean }
  onDone: () => void
  onClose: () => void
}

export function RemovePolicyDialog({ policy: { id, name, enabled }, onDone, onClose }: Props) {
  const [fault, setFault] = useState<Fault | null>(null)
  const [remove, busy] = useAction<RemovePolicyDialogMutation>(graphql`
    mutation RemovePolicyDialogMutation($id: ID!) {
      removePolicy(input: { id: $id }) {
        id
      }
    }
  `)
  return (
    <ConfirmDialog
      title={`Remove the policy ${name}?`}
      label="Remove"
      danger
      busy={busy}
      fault={fault?.facts}
      onClose={onClose}
      onConfirm={() =>
        remove({ id })
          .then(onDone)
          .catch((cause) => setFault(faultOf(cause)))
      }
    >
      {enabled ? (
        <p>
          From now on it counts no longer: what it forbids becomes possible for those whose roles give it, and what it
          permits beyond the roles ends. To have that for a while, switch it off.
        </p>
      ) : (
        <p>It does not count now. What it said stays in the audit log.</p>
      )}
    </ConfirmDialog>
  )
}
