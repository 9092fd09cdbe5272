'use client'
import { useEffect, useEffectEvent, useMemo, useRef } from 'react'
import { fetchQuery, graphql, useRelayEnvironment } from 'react-relay'
import { ConnectionHandler, commitLocalUpdate, type RecordSourceProxy } from 'relay-runtime'
import type { liveVmsMatchQuery } from '@/__generated__/liveVmsMatchQuery.graphql'
import type { liveVmsSubscription } from '@/__generated__/liveVmsSubscription.graphql'
import { useLive } from '@/relay/use-live'
import { beatVMs } from './pulse'
import type { VMFilter } from './vm-filter'

const subscription = graphql`
  subscription liveVmsSubscription($after: EventCursor) {
    vmEvents(after: $after) {
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

const match = graphql`
  query liveVmsMatchQuery($filter: VMFilter!, $first: Int!) {
    vms(first: $first, filter: $filter) {
      edges {
        node {
          id
          ...VMRow_vm
        }
      }
    }
  }
`

type List = {
  filter: VMFilter
  connection: string
  /** Those that are being made, which stand above it. */
  creating: string | undefined
  has: (id: string) => boolean
  /** Whether the list is read to its end: only then is a VM that it lacks new to it. */
  whole: boolean
}

const PAUSE = 1_000
const MANY = 100
const everything = {}

/**
 * Keeps a list as it is at the hosts. Rows change in their places and never move under the pointer: new
 * ones come on top, gone ones leave, the order is that of the last reading. Events do not tell what
 * matches a filter, so the server is asked about those that the list lacks.
 */
export function useLiveVMs({ filter, connection, creating, has, whole }: List, missed: () => void) {
  const environment = useRelayEnvironment()
  const filtered = useMemo(() => Object.keys(filter).length > 0, [filter])
  const asking = useRef<{ ids: Set<string>; timer?: ReturnType<typeof setTimeout> }>({ ids: new Set() })
  const change = (update: (store: RecordSourceProxy) => void) => commitLocalUpdate(environment, update)
  const ask = useEffectEvent(() => {
    const ids = [...asking.current.ids]
    asking.current = { ids: new Set() }
    if (ids.length > MANY) return missed()
    fetchQuery<liveVmsMatchQuery>(environment, match, { filter: { ...filter, ids }, first: ids.length }).subscribe({
      next: ({ vms }) =>
        change((store) => {
          for (const { node } of vms.edges) addOnTop(store, connection, node.id)
        }),
      error: missed,
    })
  })
  useEffect(() => () => clearTimeout(asking.current.timer), [])

  useLive<liveVmsSubscription>(subscription, everything, {
    missed: () => {
      missed()
      beatVMs()
    },
    next: ({ vmEvents: { changes } }) => {
      if (changes.length === 0) return
      beatVMs()
      const gone = changes.filter(({ kind }) => kind === 'REMOVED')
      const added = changes.filter(({ kind, id }) => kind === 'ADDED' && !has(id))
      change((store) => {
        for (const { id } of gone) for (const list of [connection, creating]) remove(store, list, id)
        if (!filtered) for (const { id } of added) addOnTop(store, connection, id)
      })
      if (!filtered) return
      const perhaps = whole ? changes.filter(({ kind, id }) => kind !== 'REMOVED' && !has(id)) : added
      for (const { id } of perhaps) asking.current.ids.add(id)
      if (asking.current.ids.size > 0) asking.current.timer ??= setTimeout(ask, PAUSE)
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

function remove(store: RecordSourceProxy, from: string | undefined, id: string) {
  const list = from ? store.get(from) : undefined
  if (list) ConnectionHandler.deleteNode(list, id)
}
