'use client'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { AddHostPageMutation } from '@/__generated__/AddHostPageMutation.graphql'
import type { AddHostPageTestMutation } from '@/__generated__/AddHostPageTestMutation.graphql'
import { paths } from '@/lib/paths'
import { formatMiB, plural } from '@/lib/units'
import { Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { useMayNot } from '@/relay/use-may'
import { Button } from '@/ui/Button'
import { FaultNote, Notice } from '@/ui/FaultNote'
import { Form } from '@/ui/Form'
import { Choice, SelectField, TextField } from '@/ui/fields'
import { Facts, PageBody, PageHeader, Section } from '@/ui/page'
import { State } from '@/ui/State'
import { CredentialFields } from './CredentialFields'
import { EMPTY, type HostDraft, inputOf, type Transport } from './host-draft'

type Tested = AddHostPageTestMutation['response']['testProvider']

/** Connect a host: what is given is tried before it is kept, and a failure says what to do. */
export function AddHostPage() {
  const router = useRouter()
  const [draft, setDraft] = useState<HostDraft>(EMPTY)
  const [tested, setTested] = useState<Tested | null>(null)
  const [fault, setFault] = useState<Fault | null>(null)
  const set = (patch: Partial<HostDraft>) => {
    setDraft((before) => ({ ...before, ...patch }))
    setTested(null)
  }
  const [test, testing] = useAction<AddHostPageTestMutation>(graphql`
    mutation AddHostPageTestMutation($input: AddProviderInput!) {
      testProvider(input: $input) {
        ok
        problem {
          code
          message
          field
          remedy
          provider
          providerCode
          providerText
        }
        found {
          name
          version
          encryption
          cpus
          memoryMiB
          vmCount
          warnings
        }
      }
    }
  `)
  const [add, adding] = useAction<AddHostPageMutation>(graphql`
    mutation AddHostPageMutation($input: AddProviderInput!) {
      addProvider(input: $input) {
        provider {
          id
          ...HostCard_provider
        }
      }
    }
  `)
  const mayNot = useMayNot('ADMIN')
  const tell = (cause: unknown) => setFault(faultOf(cause))
  const tryIt = () => {
    setFault(null)
    test({ input: inputOf(draft) })
      .then(({ testProvider }) => {
        setTested(testProvider)
        if (testProvider.problem) setFault(new Fault(testProvider.problem))
      })
      .catch(tell)
  }
  const submit = () => {
    setFault(null)
    add({ input: inputOf(draft) })
      .then(() => router.push(paths.hosts()))
      .catch(tell)
  }
  return (
    <>
      <PageHeader
        title="Add a host"
        crumbs={
          <>
            <Link href={paths.hosts()} className="hover:underline">
              Hosts
            </Link>{' '}
            /
          </>
        }
        note="Its VMs appear at once. Nothing in them changes until you adopt one."
      />
      <PageBody narrow>
        <Form fault={fault?.facts ?? null} onSubmit={submit} label="Add a host" className="flex flex-col gap-8">
          <Section title="Where it is">
            <div className="flex flex-col gap-4">
              <Choice
                label="How to get there"
                value={draft.transport}
                onChange={(transport: Transport) => set({ transport })}
                options={[
                  { value: 'LOCAL', label: 'Local', hint: 'libvirt on NovaCron’s own machine' },
                  { value: 'TLS', label: 'TLS', hint: 'Certificates of both sides; port 16514' },
                  { value: 'SSH', label: 'SSH', hint: 'A key; port 22' },
                ]}
              />
              <div className="grid gap-4 sm:grid-cols-2">
                <TextField
                  label="Name"
                  name="name"
                  value={draft.name}
                  onChange={(name) => set({ name })}
                  hint="What you call it here."
                  autoComplete="off"
                />
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
                <div className="grid gap-4 sm:grid-cols-[1fr_8rem_1fr]">
                  <TextField
                    label="Address"
                    name="host"
                    value={draft.host}
                    onChange={(host) => set({ host })}
                    placeholder="kvm-01.example or 10.0.0.7"
                    autoCapitalize="none"
                    spellCheck={false}
                  />
                  <TextField
                    label="Port"
                    name="port"
                    inputMode="numeric"
                    value={draft.port}
                    onChange={(port) => set({ port })}
                    placeholder={draft.transport === 'TLS' ? '16514' : '22'}
                  />
                  {draft.transport === 'SSH' && (
                    <TextField
                      label="User"
                      name="user"
                      value={draft.user}
                      onChange={(user) => set({ user })}
                      placeholder="root"
                      autoCapitalize="none"
                      spellCheck={false}
                    />
                  )}
                </div>
              )}
            </div>
          </Section>
          <CredentialFields draft={draft} set={set} />
          {tested && (
            <Section title={tested.found ? 'What answered' : 'Nothing answered'}>
              <div className="flex flex-col gap-3">
                {tested.problem && <FaultNote fault={tested.problem} quiet />}
                {tested.found && <Found found={tested.found} ok={tested.ok} />}
              </div>
            </Section>
          )}
          <div className="flex gap-2">
            <Button type="submit" look="primary" busy={adding} disabledReason={mayNot}>
              Add the host
            </Button>
            <Button busy={testing} disabledReason={mayNot} onClick={tryIt}>
              Test the connection
            </Button>
          </div>
        </Form>
      </PageBody>
    </>
  )
}

function Found({ found, ok }: { found: NonNullable<Tested['found']>; ok: boolean }) {
  return (
    <>
      <p role="status">
        <State
          tone={ok ? 'good' : 'warn'}
          word={ok ? 'It can be used as it is' : 'It answered, but cannot be used yet'}
        />
      </p>
      {found.warnings.map((warning) => (
        <Notice key={warning} tone="warn">
          {warning}
        </Notice>
      ))}
      <Facts
        items={[
          ['Name', found.name],
          ['Versions', found.version],
          ['Encryption', found.encryption],
          ['Machine', `${plural(found.cpus, 'CPU')}, ${formatMiB(found.memoryMiB)}`],
          ['VMs', String(found.vmCount)],
        ]}
      />
    </>
  )
}
