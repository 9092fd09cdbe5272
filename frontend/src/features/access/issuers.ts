'use client'
import { useEffect, useState } from 'react'

export type Issuer = { id: string; name: string }
const PATIENCE = 3_000

/** Who vouches for people here; undefined until that is known, and none when it cannot be known. */
export function useIssuers(): Issuer[] | undefined {
  const [issuers, setIssuers] = useState<Issuer[]>()
  useEffect(() => {
    let shown = true
    // What is on the screen stays as it is, also when the list comes late: somebody may be typing.
    const set = (all: Issuer[]) => shown && setIssuers((before) => before ?? all)
    const late = setTimeout(() => set([]), PATIENCE)
    read().then(set, () => set([]))
    return () => {
      shown = false
      clearTimeout(late)
    }
  }, [])
  return issuers
}

async function read(): Promise<Issuer[]> {
  const reply = await fetch('/auth/issuers')
  const all = reply.ok ? await reply.json() : []
  return Array.isArray(all) ? all : []
}
