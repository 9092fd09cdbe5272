'use client'
import { useEffect, useEffectEvent, useRef } from 'react'
import { graphql } from 'react-relay'
import type { providerTurnsSubscription } from '@/__generated__/providerTurnsSubscription.graphql'
import { useLive } from '@/relay/use-live'
import { beatVMs } from './pulse'

const subscription = graphql`
  subscription providerTurnsSubscription($after: EventCursor) {
    providerEvents(after: $after) {
      cursor
      missed
      changes {
        id
        provider {
          id
          status
        }
      }
    }
  }
`
const everything = {}
const PAUSE = 200

/**
 * A host that goes silent or answers again changes how all its VMs stand, and is told as one event of its
 * connection: whoever shows VMs reads them again then.
 */
export function useProviderTurns(reread: () => void) {
  const known = useRef(new Map<string, string | undefined>())
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const turned = useEffectEvent(() => {
    timer.current = undefined
    reread()
    beatVMs()
  })
  const soon = () => {
    timer.current ??= setTimeout(turned, PAUSE)
  }
  useLive<providerTurnsSubscription>(subscription, everything, {
    missed: soon,
    next: ({ providerEvents: { changes } }) => {
      for (const { id, provider } of changes) {
        if (known.current.has(id) && known.current.get(id) === provider?.status) continue
        known.current.set(id, provider?.status)
        soon()
      }
    },
  })
}
