'use client'
import { Tooltip } from '@base-ui/react/tooltip'
import { usePathname } from 'next/navigation'
import { type ReactNode, Suspense, useEffect } from 'react'
import { RelayEnvironmentProvider } from 'react-relay'
import { VMActions } from '@/features/vm/VMActions'
import { paths } from '@/lib/paths'
import { useMounted } from '@/lib/use-media'
import { browserEnvironment } from '@/relay/environment'
import { beginAnew, onSwitched } from '@/relay/session'
import { BonePage } from '@/ui/page'
import { Toasts } from '@/ui/Toasts'
import { Boundary } from './Boundary'
import { BottomBar, Rail, TopBar } from './Navigation'
import { OperationWatcher } from './OperationWatcher'
import { SilenceBar } from './SilenceBar'

/**
 * What stays while pages come and go. It is drawn in the static shell; what needs the API begins
 * in the browser.
 */
export function Frame({ children }: { children: ReactNode }) {
  const mounted = useMounted()
  const path = usePathname()
  useSearchKey()
  useEffect(() => onSwitched(() => beginAnew(paths.home())), [])
  return (
    <Tooltip.Provider>
      <a
        href="#main"
        className="sr-only z-50 rounded-md bg-ink px-3 py-2 text-canvas focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to content
      </a>
      <div className="flex h-dvh max-md:flex-col">
        <Rail path={mounted ? path : ''} ready={mounted} />
        <TopBar ready={mounted} />
        <div className="flex min-h-0 min-w-0 flex-1 flex-col">
          {mounted && <SilenceBar />}
          <main id="main" tabIndex={-1} className="relative min-h-0 min-w-0 flex-1 overflow-y-auto outline-none">
            {mounted ? (
              <RelayEnvironmentProvider environment={browserEnvironment()}>
                <Boundary key={path}>
                  <Suspense fallback={<BonePage />}>
                    <VMActions>{children}</VMActions>
                  </Suspense>
                </Boundary>
                <OperationWatcher />
              </RelayEnvironmentProvider>
            ) : (
              <BonePage />
            )}
          </main>
        </div>
        <BottomBar path={mounted ? path : ''} />
      </div>
      <Toasts />
    </Tooltip.Provider>
  )
}

/** `/` goes to the page's search box from wherever nothing is being typed. */
function useSearchKey() {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const at = event.target as HTMLElement
      if (
        event.key !== '/' ||
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        at.closest('input, textarea, select, [contenteditable], [role=dialog], [data-console]')
      )
        return
      const box = document.querySelector<HTMLInputElement>('input[type=search]')
      if (!box) return
      event.preventDefault()
      box.focus()
      box.select()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
}
