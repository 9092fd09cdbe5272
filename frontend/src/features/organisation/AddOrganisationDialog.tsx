'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { AddOrganisationDialogMutation } from '@/__generated__/AddOrganisationDialogMutation.graphql'
import { useSwitch } from '@/features/access/use-switch'
import { type Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { Button } from '@/ui/Button'
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog'
import { Form } from '@/ui/Form'
import { TextField } from '@/ui/fields'

type Props = { onDone: () => void; onClose: () => void }

/** A new organisation, and the way there. */
export function AddOrganisationDialog({ onDone, onClose }: Props) {
  const [name, setName] = useState('')
  const [made, setMade] = useState<{ readonly id: string; readonly name: string } | null>(null)
  const [fault, setFault] = useState<Fault | null>(null)
  const [go, going] = useSwitch()
  const [add, busy] = useAction<AddOrganisationDialogMutation>(graphql`
    mutation AddOrganisationDialogMutation($name: String!) {
      addOrganisation(input: { name: $name }) {
        organisation {
          tenant {
            id
            name
          }
        }
      }
    }
  `)
  const submit = () =>
    add({ name: name.trim() })
      .then(({ addOrganisation: { organisation } }) => {
        setMade(organisation.tenant)
        onDone()
      })
      .catch((cause) => setFault(faultOf(cause)))
  if (made)
    return (
      <Dialog open onClose={onClose} title={`${made.name} is there`}>
        <DialogBody>
          <p className="text-soft">
            You are its owner, and nobody else is in it yet. Go there to add its people and its hosts; a switch in the
            menu at your name brings you back.
          </p>
        </DialogBody>
        <DialogActions>
          <Button onClick={onClose}>Stay here</Button>
          <Button look="primary" busy={going} onClick={() => go(made)}>
            Go to {made.name}
          </Button>
        </DialogActions>
      </Dialog>
    )
  return (
    <Dialog open onClose={onClose} title="Add an organisation" note="You become its owner. It begins without limits.">
      <Form fault={fault?.facts ?? null} onSubmit={submit} label="Add an organisation" className="contents">
        <DialogBody>
          <TextField
            label="Name"
            name="name"
            value={name}
            onChange={setName}
            hint="Up to 63 letters, digits, -, _ or ., without spaces."
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
          />
        </DialogBody>
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy}>
            Add the organisation
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}
