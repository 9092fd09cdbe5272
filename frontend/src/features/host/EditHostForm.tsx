'use client'
import { useState } from 'react'
import { graphql, useLazyLoadQuery } from 'react-relay'
import type { EditHostFormMutation } from '@/__generated__/EditHostFormMutation.graphql'
import type { EditHostFormQuery } from '@/__generated__/EditHostFormQuery.graphql'
import type { EditHostFormTestMutation } from '@/__generated__/EditHostFormTestMutation.graphql'
import { Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { Button } from '@/ui/Button'
import { DialogActions, DialogBody } from '@/ui/Dialog'
import { Form } from '@/ui/Form'
import { ConnectionFields } from './ConnectionFields'
import { ConnectionTest } from './ConnectionTest'
import { CredentialFields } from './CredentialFields'
import { EMPTY, type HostDraft, portProblem, updateOf } from './host-draft'

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
  const [tested, setTested] = useState<EditHostFormTestMutation['response']['testProviderChange'] | null>(null)
  const [send, busy] = useAction<EditHostFormMutation>(graphql`
    mutation EditHostFormMutation($input: UpdateProviderInput!) {
      updateProvider(input: $input) {
        provider {
          ...HostCard_provider
        }
      }
    }
  `)
  const [test, testing] = useAction<EditHostFormTestMutation>(graphql`
    mutation EditHostFormTestMutation($input: UpdateProviderInput!) {
      testProviderChange(input: $input) {
        problem {
          code
          message
          field
          remedy
          provider
          providerCode
          providerText
        }
        ...ConnectionTest_result
      }
    }
  `)
  if (!provider) return <p className="px-5 pb-5">It is no longer there.</p>
  const set = (patch: Partial<HostDraft>) => {
    setDraft((before) => ({ ...before, ...patch }))
    setTested(null)
  }
  const reason = portProblem(draft)
  const input = { ...updateOf(draft), id, ifVersion: provider.settingsVersion }
  const tell = (cause: unknown) => setFault(faultOf(cause))
  const tryIt = () => {
    setFault(null)
    test({ input })
      .then(({ testProviderChange }) => {
        setTested(testProviderChange)
        if (testProviderChange.problem) setFault(new Fault(testProviderChange.problem))
      })
      .catch(tell)
  }
  const submit = () => !reason && send({ input }).then(onClose).catch(tell)
  return (
    <Form fault={fault?.facts ?? null} onSubmit={submit} label="Edit the connection" className="contents">
      <DialogBody>
        <ConnectionFields draft={draft} set={set} />
        <CredentialFields draft={draft} set={set} note="What you leave empty stays as it is." />
        {tested && <ConnectionTest result={tested} />}
      </DialogBody>
      <DialogActions>
        <Button className="mr-auto" busy={testing} disabledReason={reason} onClick={tryIt}>
          Test the connection
        </Button>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" look="primary" busy={busy} disabledReason={reason}>
          Save
        </Button>
      </DialogActions>
    </Form>
  )
}
