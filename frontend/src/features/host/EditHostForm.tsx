'use client'
import { useState } from 'react'
import { graphql, useLazyLoadQuery } from 'react-relay'
import type { EditHostFormMutation } from '@/__generated__/EditHostFormMutation.graphql'
import type { EditHostFormQuery } from '@/__generated__/EditHostFormQuery.graphql'
import { type Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { Button } from '@/ui/Button'
import { DialogActions, DialogBody } from '@/ui/Dialog'
import { Form } from '@/ui/Form'
import { SelectField, TextField } from '@/ui/fields'
import { CredentialFields } from './CredentialFields'
import { EMPTY, type HostDraft, updateOf } from './host-draft'

/** Changes a connection. Keys and certificates that are left empty stay as they are. */
export function EditHostForm({ id, onClose }: { id: string; onClose: () => void }) {
  const { provider } = useLazyLoadQuery<EditHostFormQuery>(
    graphql`
      query EditHostFormQuery($id: ID!) {
        provider(id: $id) {
          id
          name
          transport
          host
          port
          user
          accelerator
          settingsVersion
        }
      }
    `,
    { id },
    { fetchPolicy: 'network-only' },
  )
  const [draft, setDraft] = useState<HostDraft>(() => ({
    ...EMPTY,
    name: provider?.name ?? '',
    transport: provider?.transport ?? 'LOCAL',
    host: provider?.host ?? '',
    port: provider?.port ? String(provider.port) : '',
    user: provider?.user ?? '',
    accelerator: provider?.accelerator ?? 'AUTO',
  }))
  const [fault, setFault] = useState<Fault | null>(null)
  const [send, busy] = useAction<EditHostFormMutation>(graphql`
    mutation EditHostFormMutation($input: UpdateProviderInput!) {
      updateProvider(input: $input) {
        provider {
          ...HostCard_provider
        }
      }
    }
  `)
  if (!provider) return <p className="px-5 pb-5">It is no longer there.</p>
  const set = (patch: Partial<HostDraft>) => setDraft((before) => ({ ...before, ...patch }))
  const submit = () =>
    send({ input: { ...updateOf(draft), id, ifVersion: provider.settingsVersion } })
      .then(onClose)
      .catch((cause) => setFault(faultOf(cause)))
  return (
    <Form fault={fault?.facts ?? null} onSubmit={submit} label="Edit the connection" className="contents">
      <DialogBody>
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField label="Name" name="name" value={draft.name} onChange={(name) => set({ name })} />
          <SelectField
            label="VMs run by"
            name="accelerator"
            value={draft.accelerator}
            onChange={(accelerator) => set({ accelerator: accelerator as HostDraft['accelerator'] })}
            options={[
              { value: 'AUTO', label: 'KVM where it works, else emulation' },
              { value: 'KVM', label: 'KVM' },
              { value: 'QEMU', label: 'Emulation (slow, works everywhere)' },
            ]}
          />
        </div>
        {draft.transport !== 'LOCAL' && (
          <div className="grid gap-4 sm:grid-cols-[1fr_8rem]">
            <TextField label="Address" name="host" value={draft.host} onChange={(host) => set({ host })} />
            <TextField
              label="Port"
              placeholder={draft.transport === 'TLS' ? '16514' : '22'}
              name="port"
              inputMode="numeric"
              value={draft.port}
              onChange={(port) => set({ port })}
            />
          </div>
        )}
        {draft.transport === 'SSH' && (
          <TextField label="User" name="user" value={draft.user} onChange={(user) => set({ user })} />
        )}
        <CredentialFields draft={draft} set={set} note="What you leave empty stays as it is." />
      </DialogBody>
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" look="primary" busy={busy}>
          Save
        </Button>
      </DialogActions>
    </Form>
  )
}
