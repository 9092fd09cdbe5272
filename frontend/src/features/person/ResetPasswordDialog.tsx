'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { ResetPasswordDialogMutation } from '@/__generated__/ResetPasswordDialogMutation.graphql'
import { OnceDialog } from '@/features/access/OnceDialog'
import { type Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { called, type Person } from './person'

type Props = { person: Person; own: boolean; onClose: () => void }

/** A new password for who forgot theirs. It is shown here and nowhere else. */
export function ResetPasswordDialog({ person, own, onClose }: Props) {
  const [password, setPassword] = useState('')
  const [fault, setFault] = useState<Fault | null>(null)
  const [reset, busy] = useAction<ResetPasswordDialogMutation>(graphql`
    mutation ResetPasswordDialogMutation($id: ID!) {
      resetPassword(input: { id: $id }) {
        password
      }
    }
  `)
  const { id } = person
  if (password)
    return (
      <OnceDialog title={`The new password of ${called(person)}`} what="password" text={password} onClose={onClose}>
        {own && <p className="text-soft">Your sessions have ended: sign in with it when you have copied it.</p>}
      </OnceDialog>
    )
  return (
    <ConfirmDialog
      title={own ? 'A new password for yourself?' : `A new password for ${called(person)}?`}
      label="Make a new one"
      danger
      busy={busy}
      fault={fault?.facts}
      onClose={onClose}
      onConfirm={() =>
        reset({ id })
          .then(({ resetPassword }) => setPassword(resetPassword.password))
          .catch((cause) => setFault(faultOf(cause)))
      }
    >
      <p>
        {own
          ? 'The password that you have stops working, and all your sessions end, this one too.'
          : 'The password that they have stops working, and all their sessions end within seconds.'}{' '}
        API tokens stay.
      </p>
    </ConfirmDialog>
  )
}
