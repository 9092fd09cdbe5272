'use client'
import { usePathname, useSearchParams } from 'next/navigation'
import { useCallback } from 'react'

type Patch = Record<string, string | null>

/**
 * The query of the address as state. `push` makes a step that Back undoes; `replace` is for what is
 * still being typed. Neither asks the server anything.
 */
export function useURLState() {
  const params = useSearchParams()
  const set = useCallback((patch: Patch, how: 'push' | 'replace' = 'push') => {
    const next = new URLSearchParams(window.location.search)
    for (const [key, value] of Object.entries(patch)) {
      if (value === null || value === '') next.delete(key)
      else next.set(key, value)
    }
    const query = next.toString()
    const url = window.location.pathname + (query ? `?${query}` : '')
    if (how === 'push') window.history.pushState(null, '', url)
    else window.history.replaceState(null, '', url)
  }, [])
  return [params, set] as const
}

/** The id in `/vms/<id>`: taken from the address bar, since one static shell serves all of them. */
export function useRouteId(): string {
  const last = usePathname().split('/').pop() ?? ''
  return decodeURIComponent(last)
}
