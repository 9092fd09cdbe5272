'use client'
import { useEffect, useRef } from 'react'
import { fetchQuery, useLazyLoadQuery, useRelayEnvironment } from 'react-relay'
import {
  createOperationDescriptor,
  type GraphQLTaggedNode,
  getRequest,
  type IEnvironment,
  type OperationDescriptor,
  type OperationType,
  type Variables,
} from 'relay-runtime'
import { SETTLING } from './feed'
import { setBehind } from './live'

const FRESH = SETTLING / 5
const AGAIN_AFTER = 3_000

/**
 * What the store has, at once, and then what the server says; again with each new `fetchKey`, and until
 * the server has answered. It asks once it is on the screen: `store-and-network` asks while it renders, and not at
 * all when the same was rendered within five minutes without being shown.
 */
export function useReading<T extends OperationType>(
  query: GraphQLTaggedNode,
  variables: T['variables'],
  fetchKey: string | number = 0,
): T['response'] {
  const environment = useRelayEnvironment()
  const key = JSON.stringify(variables)
  const first = useRef(fetchKey)
  useEffect(() => {
    const operation = createOperationDescriptor(getRequest(query), JSON.parse(key))
    // The reading that brought it on the screen is not made twice.
    if (fetchKey === first.current && isFresh(environment, operation)) return
    return read(environment, query, operation.request.variables)
  }, [environment, query, key, fetchKey])
  return useLazyLoadQuery<T>(query, variables, { fetchPolicy: 'store-or-network' })
}

/** When the answers came that each store's readings were shown with, by what was asked. */
const shown = new WeakMap<IEnvironment, Map<string, number>>()

/** Whether the answer in the store is new, and no earlier visit was shown it: one answer serves one visit. */
function isFresh(environment: IEnvironment, operation: OperationDescriptor): boolean {
  const before = shown.get(environment) ?? new Map<string, number>()
  shown.set(environment, before)
  const found = environment.check(operation)
  const at = found.status === 'available' ? (found.fetchTime ?? 0) : 0
  const { identifier } = operation.request
  if (Date.now() - at >= FRESH || before.get(identifier) === at) return false
  before.set(identifier, at)
  return true
}

/** Reads into the store, and again until the server has answered; gives what stops it. */
export function read(environment: IEnvironment, query: GraphQLTaggedNode, variables: Variables): () => void {
  const reader = {}
  let timer: ReturnType<typeof setTimeout> | undefined
  let reading: { unsubscribe: () => void } | undefined
  const ask = () => {
    reading = fetchQuery(environment, query, variables).subscribe({
      complete: () => setBehind(reader, false),
      error: () => {
        setBehind(reader, true)
        timer = setTimeout(ask, AGAIN_AFTER)
      },
    })
  }
  ask()
  return () => {
    clearTimeout(timer)
    reading?.unsubscribe()
    setBehind(reader, false)
  }
}
