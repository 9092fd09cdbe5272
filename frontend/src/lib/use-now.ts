'use client'
import { useSyncExternalStore } from 'react'

const listeners = new Set<() => void>()
let now = Date.now()
let timer: ReturnType<typeof setInterval> | undefined

function subscribe(listener: () => void) {
  listeners.add(listener)
  timer ??= setInterval(() => {
    now = Date.now()
    for (const each of listeners) each()
  }, 1000)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }
}

/** The time, rounded to `step` milliseconds, so that ages of minutes do not render every second. */
export function useNow(step = 1000): number {
  const read = () => Math.floor(now / step) * step + step
  return useSyncExternalStore(subscribe, read, read)
}
