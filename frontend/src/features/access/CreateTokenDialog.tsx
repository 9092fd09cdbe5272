'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { CreateTokenDialogMutation } from '@/__generated__/CreateTokenDialogMutation.graphql'
import { ROLE_NAME, ROLE_TELLS, type Role, upTo } from '@/lib/roles'
import { type Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { Button } from '@/ui/Button'
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog'
import { Form } from '@/ui/Form'
import { Choice, SelectField, TextField } from '@/ui/fields'
import { OnceDialog } from './OnceDialog'

const DAY = 86_400_000

/** Makes a token; its secret is shown here and nowhere else, ever. */
export function CreateTokenDialog({ own, onClose }: { own: Role; onClose: () => void }) {
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('VIEWER')
  const [days, setDays] = useState('90')
  const [secret, setSecret] = useState<string | null>(null)
  const [fault, setFault] = useState<Fault | null>(null)
  const [create, busy] = useAction<CreateTokenDialogMutation>(graphql`
    mutation CreateTokenDialogMutation($input: CreateAPITokenInput!) {
      createAPIToken(input: $input) {
        token {
          id
        }
        secret
      }
    }
  `)
  const submit = () =>
    create({
      input: {
        name: name.trim(),
        role,
        expiresAt: days === '' ? undefined : new Date(Date.now() + Number(days) * DAY).toISOString(),
      },
    })
      .then(({ createAPIToken }) => setSecret(createAPIToken.secret))
      .catch((cause) => setFault(faultOf(cause)))
  if (secret) return <OnceDialog title={`The secret of ${name.trim()}`} what="secret" text={secret} onClose={onClose} />
  return (
    <Dialog open onClose={onClose} title="New API token">
      <Form fault={fault?.facts ?? null} onSubmit={submit} label="New API token" className="contents">
        <DialogBody>
          <TextField
            label="What it is for"
            name="name"
            value={name}
            onChange={setName}
            placeholder="terraform"
            hint="Up to 63 letters, digits, -, _ or ., without spaces."
            autoComplete="off"
          />
          <Choice
            label="What it may do"
            value={role}
            onChange={setRole}
            columns="grid-cols-1"
            options={upTo(own).map((value) => ({ value, label: ROLE_NAME[value], hint: ROLE_TELLS[value] }))}
          />
          <SelectField
            label="Ends"
            name="expiresAt"
            value={days}
            onChange={setDays}
            options={[
              { value: '30', label: 'In 30 days' },
              { value: '90', label: 'In 90 days' },
              { value: '365', label: 'In a year' },
              { value: '', label: 'Never' },
            ]}
          />
        </DialogBody>
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy}>
            Make the token
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}
