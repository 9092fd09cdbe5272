'use client'
import { Plus } from 'lucide-react'
import { Suspense, useState } from 'react'
import { graphql, useFragment, useLazyLoadQuery } from 'react-relay'
import type { Network_vm$key } from '@/__generated__/Network_vm.graphql'
import type { NetworkAttachMutation } from '@/__generated__/NetworkAttachMutation.graphql'
import type { NetworkChoiceQuery } from '@/__generated__/NetworkChoiceQuery.graphql'
import type { NetworkDetachMutation } from '@/__generated__/NetworkDetachMutation.graphql'
import type { NetworkQuery } from '@/__generated__/NetworkQuery.graphql'
import { useReading } from '@/relay/use-reading'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { CopyText } from '@/ui/Copy'
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog'
import { Form } from '@/ui/Form'
import { SelectField, TextField } from '@/ui/fields'
import { Bone, Section } from '@/ui/page'
import { State } from '@/ui/State'
import { useVerb } from '../use-verb'
import type { Subject } from '../VMActions'
import { whyNot } from '../verbs'

type Address = {
  readonly address: string
  readonly prefix: number
  readonly mac: string
  readonly interface: string
  readonly source: string
}

/** The NICs of a VM and the addresses that are on them. */
export function Network({ id }: { id: string }) {
  const { vm } = useReading<NetworkQuery>(
    graphql`
      query NetworkQuery($id: ID!) {
        vm(id: $id) {
          ...Network_vm
          addresses {
            address
            prefix
            mac
            interface
            source
          }
        }
      }
    `,
    { id },
  )
  return vm ? <List vm={vm} addresses={vm.addresses} /> : null
}

function List({ vm: ref, addresses }: { vm: Network_vm$key; addresses: readonly Address[] | null | undefined }) {
  const vm = useFragment(
    graphql`
      fragment Network_vm on VM {
        id
        name
        provider {
          id
        }
        configuration {
          networks {
            mac
            type
            network
            model
            linkUp
          }
        }
        actions {
          name
          allowed
          reason
          remedy
        }
      }
    `,
    ref,
  )
  const [attaching, setAttaching] = useState(false)
  const [leaving, setLeaving] = useState<string | null>(null)
  return (
    <Section
      title="Network interfaces"
      actions={
        <Button
          size="sm"
          icon={<Plus aria-hidden className="size-3.5" />}
          disabledReason={whyNot(vm.actions, 'attachNIC')}
          onClick={() => setAttaching(true)}
        >
          Attach a NIC
        </Button>
      }
    >
      <ul>
        {vm.configuration.networks.map((nic) => (
          <li
            key={nic.mac}
            className="grid gap-x-8 gap-y-2 border-b border-line/70 py-3 last:border-0 md:grid-cols-[1fr_1fr_auto]"
          >
            <div>
              <p>
                <span className="font-medium">{nic.network || nic.type}</span>{' '}
                <span className="text-soft">{[nic.type, nic.model].join(' · ')}</span>
              </p>
              <CopyText text={nic.mac} what={`hardware address ${nic.mac}`} mono />
              {!nic.linkUp && <State tone="warn" word="Cable unplugged" />}
            </div>
            <Addresses of={addresses?.filter((each) => each.mac.toLowerCase() === nic.mac.toLowerCase())} />
            <div>
              <Button
                size="sm"
                aria-label={`Detach ${nic.mac}`}
                disabledReason={whyNot(vm.actions, 'detachNIC')}
                onClick={() => setLeaving(nic.mac)}
              >
                Detach
              </Button>
            </div>
          </li>
        ))}
      </ul>
      {vm.configuration.networks.length === 0 && (
        <p className="text-soft">It has none: nothing reaches it but its console.</p>
      )}
      {attaching && <AttachDialog vm={vm} provider={vm.provider.id} onClose={() => setAttaching(false)} />}
      {leaving && <DetachDialog vm={vm} mac={leaving} onClose={() => setLeaving(null)} />}
    </Section>
  )
}

function Addresses({ of }: { of: readonly Address[] | undefined }) {
  if (!of?.length) return <p className="text-soft">No address known</p>
  return (
    <ul>
      {of.map(({ address, prefix, interface: name, source }) => (
        <li key={address} className="flex flex-wrap items-center gap-x-2">
          <CopyText text={address} what={`address ${address}`} />
          <span className="text-xs text-soft">
            /{prefix} {name && `· ${name} `}· told by {source === 'agent' ? 'the guest' : 'a lease'}
          </span>
        </li>
      ))}
    </ul>
  )
}

function DetachDialog({ vm, mac, onClose }: { vm: Subject; mac: string; onClose: () => void }) {
  const { run, busy, fault } = useVerb<NetworkDetachMutation>(
    graphql`
      mutation NetworkDetachMutation($input: DetachNICInput!) {
        detachNIC(input: $input) {
          operation {
            ...vmPower_operation @relay(mask: false)
          }
        }
      }
    `,
    `Detach a NIC from ${vm.name}`,
    onClose,
  )
  return (
    <ConfirmDialog
      title={`Detach ${mac} from ${vm.name}?`}
      label="Detach"
      danger
      busy={busy}
      fault={fault}
      onClose={onClose}
      onConfirm={() => run({ input: { vm: vm.id, mac } })}
    >
      The guest loses this interface and its addresses.
    </ConfirmDialog>
  )
}

type AttachProps = { vm: Subject; provider: string; onClose: () => void }

function AttachDialog(props: AttachProps) {
  return (
    <Dialog open onClose={props.onClose} title={`Attach a NIC to ${props.vm.name}`}>
      <Suspense fallback={<Bone className="m-5 h-32" />}>
        <AttachFields {...props} />
      </Suspense>
    </Dialog>
  )
}

function AttachFields({ vm, provider, onClose }: AttachProps) {
  const { hypervisorHosts } = useLazyLoadQuery<NetworkChoiceQuery>(
    graphql`
      query NetworkChoiceQuery($provider: ID!) {
        hypervisorHosts(provider: $provider) {
          id
          networks {
            name
            type
            mode
            active
            cidr
          }
        }
      }
    `,
    { provider },
  )
  const networks = hypervisorHosts.flatMap((host) => host.networks).filter((network) => network.active)
  const [name, setName] = useState(networks[0]?.name ?? '')
  const [model, setModel] = useState('virtio')
  const [mac, setMac] = useState('')
  const { run, busy, fault } = useVerb<NetworkAttachMutation>(
    graphql`
      mutation NetworkAttachMutation($input: AttachNICInput!) {
        attachNIC(input: $input) {
          operation {
            ...vmPower_operation @relay(mask: false)
          }
        }
      }
    `,
    `Attach a NIC to ${vm.name}`,
    onClose,
  )
  const network = networks.find((each) => each.name === name)
  const submit = () =>
    run({
      input: {
        vm: vm.id,
        nic: { type: network?.type ?? 'network', network: name, model, mac: mac.trim() || undefined },
      },
    })
  return (
    <Form fault={fault} onSubmit={submit} label="Attach a NIC" className="contents">
      <DialogBody>
        <SelectField
          label="Network"
          name="nic.network"
          value={name}
          onChange={setName}
          options={networks.map((each) => ({
            value: each.name,
            label: [each.name, each.mode, each.cidr].filter(Boolean).join(' · '),
          }))}
        />
        <SelectField
          label="Model"
          name="nic.model"
          value={model}
          onChange={setModel}
          options={['virtio', 'e1000', 'e1000e', 'rtl8139'].map((value) => ({ value, label: value }))}
        />
        <TextField
          label="Hardware address"
          name="nic.mac"
          value={mac}
          onChange={setMac}
          mono
          placeholder="Made up for you"
        />
      </DialogBody>
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" look="primary" busy={busy}>
          Attach
        </Button>
      </DialogActions>
    </Form>
  )
}
