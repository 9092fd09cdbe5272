'use client'
import { useSyncExternalStore } from 'react'

const listeners = new Set<() => void>()
let pulse = 0

/** Some VM has appeared, gone or changed. */
export function beatVMs() {
  pulse++
  for (const each of listeners) each()
}

/** A number that grows with each such change. */
export function useVMPulse(): number {
  return useSyncExternalStore(
    (changed) => {
      listeners.add(changed)
      return () => listeners.delete(changed)
    },
    () => pulse,
    () => 0,
  )
}
