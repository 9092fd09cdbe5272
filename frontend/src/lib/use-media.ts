'use client'
import { useSyncExternalStore } from 'react'

/** Whether the media query holds. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const list = matchMedia(query)
      list.addEventListener('change', changed)
      return () => list.removeEventListener('change', changed)
    },
    () => matchMedia(query).matches,
    () => false,
  )
}

/** Narrow enough that tables become cards. */
export const usePhone = () => useMedia('(max-width: 47.99rem)')

const never = () => () => {}

/** False while the static shell is shown, true from the first render in the browser on. */
export function useMounted(): boolean {
  return useSyncExternalStore(
    never,
    () => true,
    () => false,
  )
}
