'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { SetActiveDialogMutation } from '@/__generated__/SetActiveDialogMutation.graphql'
import { type Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { called, type Person } from './person'

/** Switches an account off, or on again. */
export function SetActiveDialog({ person, onClose }: { person: Person; onClose: () => void }) {
  const [fault, setFault] = useState<Fault | null>(null)
  const [set, busy] = useAction<SetActiveDialogMutation>(graphql`
    mutation SetActiveDialogMutation($input: SetPersonActiveInput!) {
      setPersonActive(input: $input) {
        person {
          ...PersonRow_person
        }
      }
    }
  `)
  const { id, active } = person
  const name = called(person)
  return (
    <ConfirmDialog
      title={active ? `Switch the account of ${name} off?` : `Switch the account of ${name} on?`}
      label={active ? 'Switch off' : 'Switch on'}
      danger={active}
      busy={busy}
      fault={fault?.facts}
      onClose={onClose}
      onConfirm={() =>
        set({ input: { id, active: !active } })
          .then(onClose)
          .catch((cause) => setFault(faultOf(cause)))
      }
    >
      {active ? (
        <>
          <p>
            They are signed out everywhere within seconds, consoles included, and cannot sign in again, in no
            organisation. Their API tokens are refused: programs that use them stop working.
          </p>
          <p>What they began goes on, and what they made stays. You can switch the account on again.</p>
        </>
      ) : (
        <p>They can sign in again, with the roles that they have now, and their API tokens work again.</p>
      )}
    </ConfirmDialog>
  )
}
