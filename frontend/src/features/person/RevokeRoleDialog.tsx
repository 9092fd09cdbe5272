'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { RevokeRoleDialogMutation } from '@/__generated__/RevokeRoleDialogMutation.graphql'
import { ROLE_NAME } from '@/lib/roles'
import { type Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { toast } from '@/ui/Toasts'
import { called, type Grant, type Person, partsOf, whereOf } from './person'

type Props = {
  person: Person
  /** This one alone; else all that were given by hand. */
  grant?: Grant
  of: string
  onDone: () => void
  onClose: () => void
}

/** Takes back what was given by hand; what an issuer’s rules give stays. */
export function RevokeRoleDialog({ person, grant, of, onDone, onClose }: Props) {
  const [fault, setFault] = useState<Fault | null>(null)
  const [revoke, busy] = useAction<RevokeRoleDialogMutation>(graphql`
    mutation RevokeRoleDialogMutation($id: ID!, $grant: ID) {
      revokeRole(input: { id: $id, grant: $grant }) {
        person {
          ...PersonRow_person
        }
      }
    }
  `)
  const { id, issuer, grants, roleByHand, roleByIssuer } = person
  const parts = partsOf(person)
  const others = grants.filter((each) => grant && each.id !== grant.id)
  const confirm = () =>
    revoke({ id, grant: grant?.id })
      .then(({ revokeRole }) => {
        if (!revokeRole.person) toast(`${called(person)} does not belong to ${of} any more.`)
        onDone()
        onClose()
      })
      .catch((cause) => setFault(faultOf(cause)))
  return (
    <ConfirmDialog
      title={
        grant
          ? `Take back: ${ROLE_NAME[grant.role].toLowerCase()} ${whereOf(grant)}?`
          : `Take the role of ${called(person)} back?`
      }
      label="Take back"
      danger
      busy={busy}
      fault={fault?.facts}
      onClose={onClose}
      onConfirm={confirm}
    >
      {grant && others.length > 0 ? (
        <p>
          {called(person)} keeps {others.length > 1 ? 'the other roles' : 'the other role'}:{' '}
          {others.map((each) => `${ROLE_NAME[each.role].toLowerCase()} ${whereOf(each)}`).join('; ')}.
        </p>
      ) : roleByIssuer ? (
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
