'use client'
import { useEffect } from 'react'

/** The tab's title of a page whose name is known only in the browser. */
export function useTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · NovaCron`
  }, [title])
}
