'use client'
import { useEffect, useState } from 'react'
import { graphql } from 'react-relay'
import type { liveHostsSubscription } from '@/__generated__/liveHostsSubscription.graphql'
import { useLive } from '@/relay/use-live'

const subscription = graphql`
  subscription liveHostsSubscription($after: EventCursor) {
    providerEvents(after: $after) {
      cursor
      missed
      changes {
        kind
        id
        provider {
          id
          ...HostCard_provider
        }
      }
    }
  }
`
const everything = {}
const EVERY = 15_000

/**
 * Keeps hosts as they are; gives a number that changes when their list has to be read again: one came,
 * one went, or their load is some seconds old.
 */
export function useLiveHosts(): number {
  const [fetchKey, setFetchKey] = useState(0)
  const again = () => setFetchKey((key) => key + 1)
  useLive<liveHostsSubscription>(subscription, everything, {
    missed: again,
    next: ({ providerEvents }) => {
      if (providerEvents.changes.some(({ kind }) => kind !== 'UPDATED')) again()
    },
  })
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && setFetchKey((key) => key + 1), EVERY)
    return () => clearInterval(timer)
  }, [])
  return fetchKey
}
