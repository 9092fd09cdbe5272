'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { RevokeRoleDialogMutation } from '@/__generated__/RevokeRoleDialogMutation.graphql'
import { ROLE_NAME } from '@/lib/roles'
import { type Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { toast } from '@/ui/Toasts'
import { called, type Person, partsOf } from './person'

type Props = { person: Person; of: string; onDone: () => void; onClose: () => void }

/** Takes back what was given by hand; what an issuer’s rules give stays. */
export function RevokeRoleDialog({ person, of, onDone, onClose }: Props) {
  const [fault, setFault] = useState<Fault | null>(null)
  const [revoke, busy] = useAction<RevokeRoleDialogMutation>(graphql`
    mutation RevokeRoleDialogMutation($id: ID!) {
      revokeRole(input: { id: $id }) {
        person {
          ...PersonRow_person
        }
      }
    }
  `)
  const { id, issuer, roleByHand, roleByIssuer } = person
  const parts = partsOf(person)
  const confirm = () =>
    revoke({ id })
      .then(({ revokeRole }) => {
        if (!revokeRole.person) toast(`${called(person)} does not belong to ${of} any more.`)
        onDone()
        onClose()
      })
      .catch((cause) => setFault(faultOf(cause)))
  return (
    <ConfirmDialog
      title={`Take the role of ${called(person)} back?`}
      label="Take back"
      danger
      busy={busy}
      fault={fault?.facts}
      onClose={onClose}
      onConfirm={confirm}
    >
      {roleByIssuer ? (
        <p>
          {parts.length > 0
            ? 'All that they were given by hand ends, what is on a part of the things too.'
            : roleByHand && `They are ${ROLE_NAME[roleByHand].toLowerCase()} by hand no longer.`}{' '}
          By the rules of {issuer ?? 'their issuer'} they stay {ROLE_NAME[roleByIssuer].toLowerCase()}.
        </p>
      ) : (
        <p>
          They have no other role, so they do not belong to {of} any more: they see nothing of it, and what they have
          open of it ends. Nothing that they made is deleted.
        </p>
      )}
    </ConfirmDialog>
  )
}
