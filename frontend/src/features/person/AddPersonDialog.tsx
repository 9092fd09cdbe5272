'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { AddPersonDialogMutation } from '@/__generated__/AddPersonDialogMutation.graphql'
import { OnceDialog } from '@/features/access/OnceDialog'
import { ROLE_NAME, ROLE_TELLS, type Role, upTo } from '@/lib/roles'
import { type Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { Button } from '@/ui/Button'
import { CopyText } from '@/ui/Copy'
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog'
import { Form } from '@/ui/Form'
import { Choice, TextField } from '@/ui/fields'
import { Facts } from '@/ui/page'

type Props = { own: Role; onDone: () => void; onClose: () => void }

/** An account for somebody for whom no issuer vouches. Its password is shown here and nowhere else. */
export function AddPersonDialog({ own, onDone, onClose }: Props) {
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('VIEWER')
  const [made, setMade] = useState<{ name: string; password: string } | null>(null)
  const [fault, setFault] = useState<Fault | null>(null)
  const [add, busy] = useAction<AddPersonDialogMutation>(graphql`
    mutation AddPersonDialogMutation($input: AddPersonInput!) {
      addPerson(input: $input) {
        person {
          ...PersonRow_person
          name
        }
        password
      }
    }
  `)
  const submit = () =>
    add({ input: { name: name.trim(), role } })
      .then(({ addPerson }) => {
        setMade({ name: addPerson.person.name, password: addPerson.password })
        onDone()
      })
      .catch((cause) => setFault(faultOf(cause)))
  if (made)
    return (
      <OnceDialog title={`The password of ${made.name}`} what="password" text={made.password} onClose={onClose}>
        {/* Not always what was typed: the API makes it one of its own. */}
        <Facts items={[['Sign-in name', <CopyText key="name" text={made.name} what="sign-in name" />]]} />
      </OnceDialog>
    )
  return (
    <Dialog
      open
      onClose={onClose}
      title="Add a person"
      note="Who signs in by an issuer comes by themselves; this is for everybody else."
    >
      <Form fault={fault?.facts ?? null} onSubmit={submit} label="Add a person" className="contents">
        <DialogBody>
          <TextField
            label="Sign-in name"
            name="name"
            value={name}
            onChange={setName}
            hint="Up to 63 letters, digits, -, _ or ., without spaces."
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
          />
          <Choice
            label="What they may do"
            value={role}
            onChange={setRole}
            columns="grid-cols-1"
            options={upTo(own).map((value) => ({ value, label: ROLE_NAME[value], hint: ROLE_TELLS[value] }))}
          />
        </DialogBody>
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy}>
            Add the person
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}
