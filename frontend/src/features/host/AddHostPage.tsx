'use client'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { AddHostPageMutation } from '@/__generated__/AddHostPageMutation.graphql'
import type { AddHostPageTestMutation } from '@/__generated__/AddHostPageTestMutation.graphql'
import { paths } from '@/lib/paths'
import { Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { useMayNot } from '@/relay/use-may'
import { Button } from '@/ui/Button'
import { Form } from '@/ui/Form'
import { Choice } from '@/ui/fields'
import { PageBody, PageHeader, Section } from '@/ui/page'
import { ConnectionFields } from './ConnectionFields'
import { ConnectionTest } from './ConnectionTest'
import { CredentialFields } from './CredentialFields'
import { EMPTY, type HostDraft, inputOf, portProblem, type Transport } from './host-draft'

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
  const reason = mayNot ?? portProblem(draft)
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
    if (reason) return
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
              <ConnectionFields draft={draft} set={set} />
            </div>
          </Section>
          <CredentialFields draft={draft} set={set} />
          {tested && <ConnectionTest result={tested} />}
          <div className="flex gap-2">
            <Button type="submit" look="primary" busy={adding} disabledReason={reason}>
              Add the host
            </Button>
            <Button busy={testing} disabledReason={reason} onClick={tryIt}>
              Test the connection
            </Button>
          </div>
        </Form>
      </PageBody>
    </>
  )
}
