'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { GrantRoleDialogMutation } from '@/__generated__/GrantRoleDialogMutation.graphql'
import { includes, ROLE_NAME, ROLE_TELLS, type Role, upTo } from '@/lib/roles'
import { formatMoment } from '@/lib/time'
import { type Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { Button } from '@/ui/Button'
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog'
import { Notice } from '@/ui/FaultNote'
import { Form } from '@/ui/Form'
import { Choice, SelectField } from '@/ui/fields'
import { called, type Person } from './person'

const DAY = 86_400_000
const AS_IT_IS = 'as it is'

type Props = { person: Person; own: Role; onClose: () => void }

/** A role by hand, in the place of the one given by hand before. */
export function GrantRoleDialog({ person, own, onClose }: Props) {
  const { id, issuer, roleByHand, roleByHandEnds, roleByIssuer } = person
  const [role, setRole] = useState<Role>(roleByHand ?? 'VIEWER')
  const [ends, setEnds] = useState(roleByHandEnds ? AS_IT_IS : '')
  const [fault, setFault] = useState<Fault | null>(null)
  const [grant, busy] = useAction<GrantRoleDialogMutation>(graphql`
    mutation GrantRoleDialogMutation($input: GrantRoleInput!) {
      grantRole(input: $input) {
        person {
          ...PersonRow_person
        }
      }
    }
  `)
  const expiresAt = ends === AS_IT_IS ? roleByHandEnds : ends && new Date(Date.now() + Number(ends) * DAY).toISOString()
  const submit = () =>
    grant({ input: { id, role, expiresAt: expiresAt || undefined } })
      .then(onClose)
      .catch((cause) => setFault(faultOf(cause)))
  const higher = roleByIssuer && roleByIssuer !== role && includes(roleByIssuer, role)
  return (
    <Dialog open onClose={onClose} title={`A role for ${called(person)}`}>
      <Form fault={fault?.facts ?? null} onSubmit={submit} label="Role" className="contents">
        <DialogBody>
          <Choice
            label="What they may do"
            value={role}
            onChange={setRole}
            columns="grid-cols-1"
            options={upTo(own).map((value) => ({ value, label: ROLE_NAME[value], hint: ROLE_TELLS[value] }))}
          />
          <SelectField
            label="Ends"
            name="expiresAt"
            value={ends}
            onChange={setEnds}
            options={[
              ...(roleByHandEnds ? [{ value: AS_IT_IS, label: `As it is: ${formatMoment(roleByHandEnds)}` }] : []),
              { value: '', label: 'Never' },
              { value: '1', label: 'In a day' },
              { value: '7', label: 'In a week' },
              { value: '30', label: 'In 30 days' },
              { value: '90', label: 'In 90 days' },
            ]}
          />
          {higher && (
            <Notice>
              The rules of {issuer ?? 'their issuer'} make them {ROLE_NAME[roleByIssuer].toLowerCase()} already: the
              higher role counts.
            </Notice>
          )}
        </DialogBody>
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy}>
            Give the role
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}
