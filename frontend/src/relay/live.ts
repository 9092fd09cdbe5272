'use client'
import { useSyncExternalStore } from 'react'

/** How this tab hears of changes. `connecting` is said only before the first connection. */
export type LiveState = 'connecting' | 'live' | 'delayed' | 'offline'
export type Liveness = { state: LiveState; behind: boolean; heardAt: number; events: number }

let current: Liveness = { state: 'connecting', behind: false, heardAt: 0, events: 0 }
const listeners = new Set<() => void>()

function change(next: Liveness) {
  current = next
  for (const each of listeners) each()
}

export function setLive(state: LiveState) {
  const heardAt = state === 'live' ? Date.now() : current.heardAt
  if (state !== current.state || heardAt - current.heardAt > 1000) change({ ...current, state, heardAt })
}

const behind = new Set<object>()

/** A page shows what it had, since the server has not answered it. */
export function setBehind(reader: object, is: boolean) {
  if (is === behind.has(reader)) return
  if (is) behind.add(reader)
  else behind.delete(reader)
  change({ ...current, behind: behind.size > 0 })
}

/** Counts a batch of changes; the frame's star answers with a pulse. */
export function countEvent() {
  change({ ...current, events: current.events + 1 })
}

export function useLiveness(): Liveness {
  return useSyncExternalStore(
    (changed) => {
      listeners.add(changed)
      return () => listeners.delete(changed)
    },
    () => current,
    () => current,
  )
}
