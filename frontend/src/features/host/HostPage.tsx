'use client'
import Link from 'next/link'
import { Suspense, useState } from 'react'
import { graphql } from 'react-relay'
import type { HostPageQuery } from '@/__generated__/HostPageQuery.graphql'
import type { HostPageRefreshMutation } from '@/__generated__/HostPageRefreshMutation.graphql'
import { refusal } from '@/lib/actions'
import { paths } from '@/lib/paths'
import { sentence } from '@/lib/sentence'
import { formatMiB, plural } from '@/lib/units'
import { useTitle } from '@/lib/use-title'
import { useRouteId } from '@/lib/use-url'
import { faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { useReading } from '@/relay/use-reading'
import { Age } from '@/ui/Age'
import { Button } from '@/ui/Button'
import { CopyText } from '@/ui/Copy'
import { Dialog } from '@/ui/Dialog'
import { FaultNote, Notice } from '@/ui/FaultNote'
import { Bone, Empty, Facts, PageBody, PageHeader, Section } from '@/ui/page'
import { State } from '@/ui/State'
import { toastFault } from '@/ui/Toasts'
import { EditHostForm } from './EditHostForm'
import { useLiveHosts } from './live-hosts'
import { RemoveHostDialog } from './RemoveHostDialog'
import { StoragePools } from './StoragePools'
import { CONNECTION } from './status'
import { Utilization } from './Utilization'

const query = graphql`
  query HostPageQuery($id: ID!) {
    hypervisorHost(id: $id) {
      id
      name
      asOf
      vmCount
      runningCount
      warnings
      capabilities {
        architecture
        cpuModel
        cpus
        sockets
        cores
        threads
        mhz
        accelerators
        firmwares
        numa {
          id
          memoryMiB
        }
        versions {
          key
          value
        }
      }
      resourceUtilization {
        memoryTotalMiB
        vcpusAllocated
        memoryAllocatedMiB
      }
      networks {
        name
        type
        mode
        active
        cidr
      }
      provider {
        id
        name
        status
        statusSince
        lastSeenAt
        lastSyncAt
        lastSyncMs
        connectionUri
        encryption
        createdAt
        hosts {
          id
        }
        problem {
          code
          message
          remedy
          provider
          providerCode
          providerText
        }
        features {
          name
          supported
        }
        actions {
          name
          allowed
          reason
          remedy
        }
      }
      ...Utilization_host
      ...StoragePools_host
    }
  }
`

type Host = NonNullable<HostPageQuery['response']['hypervisorHost']>

export function HostPage() {
  const id = useRouteId()
  const fetchKey = useLiveHosts()
  const { hypervisorHost: host } = useReading<HostPageQuery>(query, { id }, fetchKey)
  const name = host && nameOf(host)
  useTitle(name ?? 'Host')
  if (!host)
    return (
      <Empty
        title="There is no such host"
        action={
          <Link href={paths.hosts()} className="underline">
            All hosts
          </Link>
        }
      >
        Its connection was removed, or it was never there.
      </Empty>
    )
  const { provider } = host
  return (
    <>
      <PageHeader
        title={name}
        crumbs={
          <>
            <Link href={paths.hosts()} className="hover:underline">
              Hosts
            </Link>{' '}
            / {provider.hosts.length > 1 && <>{provider.name} /</>}
          </>
        }
        beside={<State {...(CONNECTION[provider.status] ?? { tone: 'unknown', word: provider.status })} />}
        note={
          <>
            for <Age of={provider.statusSince} short /> · values read <Age of={host.asOf} />
          </>
        }
        actions={<Actions host={host} />}
      />
      <PageBody>
        <div className="mb-6 flex flex-col gap-2 empty:hidden">
          {provider.problem && <FaultNote fault={provider.problem} quiet />}
          {host.warnings.map((warning) => (
            <Notice key={warning} tone="warn">
              {sentence(warning)}
            </Notice>
          ))}
        </div>
        <div className="grid gap-x-10 gap-y-8 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
          <div className="flex min-w-0 flex-col gap-8">
            <AboutHost host={host} />
            <Suspense fallback={<Bone className="h-40" />}>
              <StoragePools host={host} />
            </Suspense>
          </div>
          <div className="flex min-w-0 flex-col gap-8">
            <Section title="Use">
              <Utilization host={host} dim={provider.status !== 'CONNECTED'} />
            </Section>
            <Networks networks={host.networks} />
            <AboutConnection provider={provider} />
          </div>
        </div>
      </PageBody>
    </>
  )
}

/** A host goes by its connection's name where that has no other. */
function nameOf({ name, provider }: Host) {
  return provider.hosts.length > 1 ? name : provider.name
}

function Actions({ host }: { host: Host }) {
  const { provider, vmCount } = host
  const name = nameOf(host)
  const [removing, setRemoving] = useState(false)
  const [editing, setEditing] = useState(false)
  const [refresh, busy] = useAction<HostPageRefreshMutation>(graphql`
    mutation HostPageRefreshMutation($id: ID!) {
      refreshProvider(input: { id: $id }) {
        provider {
          id
          status
          lastSeenAt
        }
      }
    }
  `)
  const whyNot = (name: string) => refusal(provider.actions, name)
  return (
    <>
      <Button link={<Link href={paths.vms(`host:${quoted(name)}`)} />}>{plural(vmCount, 'VM')}</Button>
      <Button
        busy={busy}
        disabledReason={whyNot('refreshProvider')}
        onClick={() => refresh({ id: provider.id }).catch((cause) => toastFault(faultOf(cause).facts))}
      >
        Read again
      </Button>
      <Button disabledReason={whyNot('updateProvider')} onClick={() => setEditing(true)}>
        Edit
      </Button>
      <Button disabledReason={whyNot('removeProvider')} onClick={() => setRemoving(true)}>
        Remove
      </Button>
      {editing && (
        <Dialog open wide onClose={() => setEditing(false)} title={`Edit the connection to ${provider.name}`}>
          <Suspense fallback={<Bone className="m-5 h-48" />}>
            <EditHostForm id={provider.id} onClose={() => setEditing(false)} />
          </Suspense>
        </Dialog>
      )}
      {removing && <RemoveHostDialog provider={provider} vmCount={vmCount} onClose={() => setRemoving(false)} />}
    </>
  )
}

const quoted = (name: string) => (/\s/.test(name) ? `"${name}"` : name)

function AboutHost({ host }: { host: Host }) {
  const { architecture, cpuModel, cpus, sockets, cores, threads, mhz, accelerators, firmwares, numa, versions } =
    host.capabilities
  const { vcpusAllocated, memoryTotalMiB, memoryAllocatedMiB } = host.resourceUtilization
  return (
    <Section title="Machine">
      <Facts
        items={[
          ['Name', host.name],
          ['VMs', `${host.vmCount}, ${host.runningCount} running`],
          ['CPU', [cpuModel, architecture, mhz ? `${mhz} MHz` : ''].filter(Boolean).join(' · ')],
          ['CPUs', `${cpus}: ${plural(sockets, 'socket')} × ${plural(cores, 'core')} × ${plural(threads, 'thread')}`],
          ['Memory', `${formatMiB(memoryTotalMiB)}${numa.length > 1 ? ` in ${numa.length} cells` : ''}`],
          ['Given to running VMs', `${plural(vcpusAllocated, 'vCPU')}, ${formatMiB(memoryAllocatedMiB)}`],
          ['Runs VMs by', accelerators.join(', ')],
          ['Firmware', firmwares.join(', ')],
          ['Versions', versions.map(({ key, value }) => `${key} ${value}`).join(' · ')],
        ]}
      />
    </Section>
  )
}

function Networks({ networks }: { networks: Host['networks'] }) {
  return (
    <Section title="Networks">
      {networks.length === 0 && <p className="text-soft">It has none.</p>}
      <ul>
        {networks.map((network) => (
          <li
            key={`${network.type}/${network.name}`}
            className="flex justify-between gap-4 border-b border-line/60 py-1.5 last:border-0"
          >
            <span>
              <span className="font-medium">{network.name}</span>{' '}
              <span className="text-soft">{[network.mode, network.cidr].filter(Boolean).join(' · ')}</span>
            </span>
            {!network.active && <State tone="idle" word="Not active" />}
          </li>
        ))}
      </ul>
    </Section>
  )
}

function AboutConnection({ provider }: { provider: Host['provider'] }) {
  return (
    <Section title="Connection">
      <Facts
        items={[
          ['Address', <CopyText key="uri" text={provider.connectionUri} what="connection address" mono />],
          ['Encryption', provider.encryption || 'none needed'],
          ['Last answer', provider.lastSeenAt ? <Age key="seen" of={provider.lastSeenAt} /> : 'never'],
          [
            'Read whole',
            provider.lastSyncAt ? (
              <>
                <Age of={provider.lastSyncAt} />
                {provider.lastSyncMs != null && <span className="text-soft"> in {provider.lastSyncMs} ms</span>}
              </>
            ) : (
              'never'
            ),
          ],
          [
            'Can do',
            <span key="features" className="text-soft">
              {provider.features
                .filter((each) => each.supported)
                .map((each) => words(each.name))
                .join(', ')}
            </span>,
          ],
          ['Added', <Age key="added" of={provider.createdAt} />],
        ]}
      />
    </Section>
  )
}

/** `hotAddCPU` is `hot add CPU`. */
function words(name: string) {
  if (name === 'vnc' || name === 'uefi') return name.toUpperCase()
  return name.replace(/([a-z])([A-Z])/g, '$1 $2').replace(/\b[A-Z][a-z]+/g, (word) => word.toLowerCase())
}
