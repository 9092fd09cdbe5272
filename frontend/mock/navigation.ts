import { useSyncExternalStore } from 'react'
import { vi } from 'vitest'

const listeners = new Set<() => void>()
const tell = () => {
  for (const each of listeners) each()
}
const location = () => window.location.pathname + window.location.search

for (const name of ['pushState', 'replaceState'] as const) {
  const original = window.history[name].bind(window.history)
  window.history[name] = (...args) => {
    original(...args)
    tell()
  }
}

function useLocation() {
  return useSyncExternalStore((changed) => {
    listeners.add(changed)
    return () => listeners.delete(changed)
  }, location)
}

export const push = vi.fn((path: string) => window.history.pushState(null, '', path))

/** Next's navigation over jsdom's address bar: `vi.mock('next/navigation', () => import('…/mock/navigation'))`. */
export const useRouter = () => ({ push, replace: push, back: () => window.history.back() })
export const usePathname = () => useLocation().split('?')[0]
export const useSearchParams = () => new URLSearchParams(useLocation().split('?')[1] ?? '')

export function goTo(path: string) {
  window.history.pushState(null, '', path)
}
