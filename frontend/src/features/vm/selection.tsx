'use client'
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from 'react'

/** Which VMs a bulk action is about: some, or all that match. */
type Selection = {
  ids: ReadonlySet<string>
  all: boolean
  toggle: (id: string) => void
  setMany: (ids: readonly string[], on: boolean) => void
  selectAll: () => void
  clear: () => void
}

const NONE: ReadonlySet<string> = new Set()
const Context = createContext<Selection | null>(null)

export function useSelection(): Selection {
  const selection = useContext(Context)
  if (!selection) throw new Error('SelectionProvider is missing above')
  return selection
}

/** It survives scrolling and changes of the rows; what it is a selection of begins with none. */
export function SelectionProvider({ of, children }: { of: string; children: ReactNode }) {
  const [ids, setIds] = useState(NONE)
  const [all, setAll] = useState(false)
  const [before, setBefore] = useState(of)
  if (of !== before) {
    setBefore(of)
    setIds(NONE)
    setAll(false)
  }
  const setMany = useCallback((changed: readonly string[], on: boolean) => {
    setAll(false)
    setIds((before) => {
      const after = new Set(before)
      for (const id of changed) {
        if (on) after.add(id)
        else after.delete(id)
      }
      return after
    })
  }, [])
  const toggle = useCallback((id: string) => {
    setIds((before) => {
      const after = new Set(before)
      if (!after.delete(id)) after.add(id)
      return after
    })
    setAll(false)
  }, [])
  const selectAll = useCallback(() => setAll(true), [])
  const clear = useCallback(() => {
    setIds(NONE)
    setAll(false)
  }, [])
  const value = useMemo(
    () => ({ ids, all, toggle, setMany, selectAll, clear }),
    [ids, all, toggle, setMany, selectAll, clear],
  )
  return <Context.Provider value={value}>{children}</Context.Provider>
}
