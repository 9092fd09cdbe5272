'use client'
import { Suspense, useState } from 'react'
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
import { Bone } from '@/ui/page'
import { PartFields } from './PartFields'
import { called, NO_PART, type PartDraft, type Person, partOf } from './person'

const DAY = 86_400_000
const AS_IT_IS = 'as it is'

type Props = { person: Person; own: Role; onClose: () => void }

/** A role by hand: on everything, in the place of the one given so before, or on a part beside what there is. */
export function GrantRoleDialog({ person, own, onClose }: Props) {
  const { id, issuer, role: already, roleByHand, roleByHandEnds, roleByIssuer } = person
  const [role, setRole] = useState<Role>(roleByHand ?? 'VIEWER')
  const [where, setWhere] = useState<'all' | 'part'>('all')
  const [part, setPart] = useState<PartDraft>(NO_PART)
  const [tried, setTried] = useState(false)
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
  const whole = where === 'all'
  const on = whole ? undefined : partOf(part)
  const nothing = whole || on ? undefined : 'Choose a host or a VM, or name a tag.'
  // What is as it is, is so of the one on everything.
  const kept = whole && ends === AS_IT_IS
  const days = ends === AS_IT_IS ? '' : ends
  const expiresAt = kept ? roleByHandEnds : days && new Date(Date.now() + Number(days) * DAY).toISOString()
  const submit = () => {
    setTried(true)
    if (nothing) return
    grant({ input: { id, role, on, expiresAt: expiresAt || undefined } })
      .then(onClose)
      .catch((cause) => setFault(faultOf(cause)))
  }
  const higher = whole && roleByIssuer && roleByIssuer !== role && includes(roleByIssuer, role)
  const vain = !whole && includes(already, role) && (roleByHand ?? roleByIssuer)
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
          <Choice
            label="Where it counts"
            value={where}
            onChange={setWhere}
            columns="sm:grid-cols-2"
            options={[
              {
                value: 'all',
                label: 'On everything',
                hint: roleByHand ? `In the place of ${ROLE_NAME[roleByHand].toLowerCase()}` : 'All of the organisation',
              },
              { value: 'part', label: 'On a part', hint: 'Beside what they have: some hosts, VMs or tags' },
            ]}
          />
          {!whole && (
            <Suspense fallback={<Bone className="h-48" />}>
              <PartFields part={part} onChange={setPart} problem={tried ? nothing : undefined} />
            </Suspense>
          )}
          <SelectField
            label="Ends"
            name="expiresAt"
            value={kept ? AS_IT_IS : days}
            onChange={setEnds}
            options={[
              ...(whole && roleByHandEnds
                ? [{ value: AS_IT_IS, label: `As it is: ${formatMoment(roleByHandEnds)}` }]
                : []),
              { value: '', label: 'Never' },
              { value: '1', label: 'In a day' },
              { value: '7', label: 'In a week' },
              { value: '30', label: 'In 30 days' },
              { value: '90', label: 'In 90 days' },
            ]}
          />
          {vain && (
            <Notice>They are {ROLE_NAME[already].toLowerCase()} on everything already: the higher role counts.</Notice>
          )}
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
