'use client'
import { useEffect, useEffectEvent } from 'react'
import { useRelayEnvironment } from 'react-relay'
import { type Disposable, type GraphQLTaggedNode, type OperationType, requestSubscription } from 'relay-runtime'

const RESUME_AFTER = 2_000

type Batch = { readonly missed?: boolean }
type On<T extends OperationType> = {
  next?: (data: T['response']) => void
  /** Changes were lost on the way: read again what is shown. */
  missed: () => void
}

/** Keeps the store as the server says while the component is there. `variables` must be stable. */
export function useLive<T extends OperationType>(
  subscription: GraphQLTaggedNode,
  variables: T['variables'],
  on: On<T>,
) {
  const environment = useRelayEnvironment()
  const next = useEffectEvent((data: T['response']) => {
    on.next?.(data)
    if (Object.values((data ?? {}) as Record<string, Batch>).some((batch) => batch?.missed)) on.missed()
  })
  const missed = useEffectEvent(on.missed)
  useEffect(() => {
    let again: ReturnType<typeof setTimeout> | undefined
    let live: Disposable
    const begin = () => {
      live = requestSubscription<T>(environment, {
        subscription,
        variables,
        onNext: (data) => {
          if (data) next(data)
        },
        onCompleted: resume,
        onError: resume,
      })
    }
    // The socket comes back by itself; this is for a server that ends the subscription alone.
    const resume = () => {
      again = setTimeout(() => {
        missed()
        begin()
      }, RESUME_AFTER)
    }
    begin()
    return () => {
      clearTimeout(again)
      live.dispose()
    }
  }, [environment, subscription, variables])
}
