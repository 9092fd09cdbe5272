'use client'
import Link from 'next/link'
import { useSearchParams } from 'next/navigation'
import { lazy, Suspense, useMemo, useState } from 'react'
import { graphql } from 'react-relay'
import type { VMPageQuery } from '@/__generated__/VMPageQuery.graphql'
import type { VMPageSubscription } from '@/__generated__/VMPageSubscription.graphql'
import { Boundary } from '@/features/shell/Boundary'
import { paths } from '@/lib/paths'
import { useTitle } from '@/lib/use-title'
import { useRouteId } from '@/lib/use-url'
import { useLive } from '@/relay/use-live'
import { useReading } from '@/relay/use-reading'
import { Bone } from '@/ui/page'
import { Tabs } from '@/ui/Tabs'
import { GoneVM } from './GoneVM'
import { useProviderTurns } from './provider-turns'
import { VMHeader } from './VMHeader'

const TABS = {
  overview: { label: 'Overview', view: lazy(() => import('./tabs/Overview').then((m) => ({ default: m.Overview }))) },
  console: { label: 'Console', view: lazy(() => import('./tabs/Console').then((m) => ({ default: m.Console }))) },
  disks: { label: 'Disks', view: lazy(() => import('./tabs/Disks').then((m) => ({ default: m.Disks }))) },
  network: { label: 'Network', view: lazy(() => import('./tabs/Network').then((m) => ({ default: m.Network }))) },
  snapshots: {
    label: 'Snapshots',
    view: lazy(() => import('./tabs/Snapshots').then((m) => ({ default: m.Snapshots }))),
  },
  operations: {
    label: 'Operations',
    view: lazy(() => import('./tabs/Operations').then((m) => ({ default: m.Operations }))),
  },
  settings: { label: 'Settings', view: lazy(() => import('./tabs/Settings').then((m) => ({ default: m.Settings }))) },
}

const query = graphql`
  query VMPageQuery($id: ID!) {
    vm(id: $id) {
      id
      name
      configuration {
        disks {
          name
        }
        networks {
          mac
        }
      }
      ...VMHeader_vm
    }
  }
`

const subscription = graphql`
  subscription VMPageSubscription($filter: VMFilter, $after: EventCursor) {
    vmEvents(filter: $filter, after: $after) {
      cursor
      missed
      changes {
        kind
        id
        vm {
          ...VMHeader_vm
          ...Overview_vm
          ...Disks_vm
          ...Network_vm
          ...Settings_vm
        }
      }
    }
  }
`

export function VMPage() {
  const id = useRouteId()
  const [fetchKey, setFetchKey] = useState(0)
  const { vm } = useReading<VMPageQuery>(query, { id }, fetchKey)
  const variables = useMemo(() => ({ filter: { ids: [id] } }), [id])
  const reread = () => setFetchKey((key) => key + 1)
  useLive<VMPageSubscription>(subscription, variables, {
    missed: reread,
    next: ({ vmEvents }) => {
      if (vmEvents.changes.some(({ kind }) => kind === 'REMOVED')) reread()
    },
  })
  useProviderTurns(reread)
  useTitle(vm?.name ?? 'Virtual machine')
  const asked = useSearchParams().get('tab') ?? 'overview'
  const tab = asked in TABS ? (asked as keyof typeof TABS) : 'overview'
  if (!vm)
    return (
      <Suspense fallback={<TabBones />}>
        <GoneVM id={id} />
      </Suspense>
    )
  const count: Record<string, number> = {
    disks: vm.configuration.disks.length,
    network: vm.configuration.networks.length,
  }
  const View = TABS[tab].view
  return (
    <>
      <VMHeader vm={vm} />
      <Tabs
        label="Views of this VM"
        current={tab}
        tabs={Object.entries(TABS).map(([key, { label }]) => ({
          key,
          label,
          count: count[key],
          link: <Link href={paths.vm(vm.id, key)} prefetch={false} scroll={false} />,
        }))}
      />
      <div className="px-4 pt-5 pb-10 md:px-6">
        <Boundary key={tab}>
          <Suspense fallback={<TabBones />}>
            <View id={vm.id} />
          </Suspense>
        </Boundary>
      </div>
    </>
  )
}

function TabBones() {
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-3">
      <Bone className="h-6 w-40" />
      <Bone className="h-28" />
      <Bone className="h-28" />
    </div>
  )
}
