'use client'
import { lazy, Suspense } from 'react'
import { BonePage } from '@/ui/page'

const Explorer = lazy(() => import('./Explorer'))

/** The API, to be tried by hand with the session of whoever is signed in. */
export function ExplorerPage() {
  return (
    <>
      <h1 className="sr-only">API explorer</h1>
      <Suspense fallback={<BonePage />}>
        <Explorer />
      </Suspense>
    </>
  )
}
