'use client'
import { useMemo } from 'react'
import { graphql, useRelayEnvironment } from 'react-relay'
import { ConnectionHandler, commitLocalUpdate, type RecordSourceProxy } from 'relay-runtime'
import type { liveVmsSubscription } from '@/__generated__/liveVmsSubscription.graphql'
import { useLive } from '@/relay/use-live'
import { beatVMs } from './pulse'
import type { VMFilter } from './vm-filter'

const subscription = graphql`
  subscription liveVmsSubscription($filter: VMFilter, $after: EventCursor) {
    vmEvents(filter: $filter, after: $after) {
      cursor
      missed
      changes {
        kind
        id
        vm {
          id
          ...VMRow_vm
        }
      }
    }
  }
`

/**
 * Keeps a list as it is at the hosts. Rows change in their places and never move under the pointer:
 * new ones come on top, gone ones leave, the order is that of the last reading.
 */
export function useLiveVMs(filter: VMFilter, connection: string, missed: () => void) {
  const environment = useRelayEnvironment()
  const variables = useMemo(() => ({ filter }), [filter])
  useLive<liveVmsSubscription>(subscription, variables, {
    missed: () => {
      missed()
      beatVMs()
    },
    next: ({ vmEvents }) => {
      const moved = vmEvents.changes.filter(({ kind }) => kind !== 'UPDATED')
      if (moved.length > 0)
        commitLocalUpdate(environment, (store) => {
          for (const { kind, id } of moved) {
            if (kind === 'ADDED') addOnTop(store, connection, id)
            else remove(store, connection, id)
          }
        })
      if (vmEvents.changes.length > 0) beatVMs()
    },
  })
}

function addOnTop(store: RecordSourceProxy, connection: string, id: string) {
  const list = store.get(connection)
  const vm = store.get(id)
  const there = list?.getLinkedRecords('edges')?.some((edge) => edge?.getLinkedRecord('node')?.getDataID() === id)
  if (!list || !vm || there) return
  ConnectionHandler.insertEdgeBefore(list, ConnectionHandler.createEdge(store, list, vm, 'VMEdge'))
}

function remove(store: RecordSourceProxy, connection: string, id: string) {
  const list = store.get(connection)
  if (list) ConnectionHandler.deleteNode(list, id)
}
