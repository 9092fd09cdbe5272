'use client'
import { useSyncExternalStore } from 'react'

/** Operations that this tab has begun, with what to call them when they fail. */
const own = new Map<string, string>()
const listeners = new Set<() => void>()
let pulse = 0

export function follow(id: string, what: string) {
  own.set(id, what)
  beat()
}

/** What this tab calls the operation, once: it is forgotten with the answer. */
export function takeOwn(id: string): string | undefined {
  const what = own.get(id)
  own.delete(id)
  return what
}

/** Some operation has changed. */
export function beat() {
  pulse++
  for (const each of listeners) each()
}

/** A number that changes whenever some operation does. */
export function useOperationPulse(): number {
  return useSyncExternalStore(
    (changed) => {
      listeners.add(changed)
      return () => listeners.delete(changed)
    },
    () => pulse,
    () => 0,
  )
}
