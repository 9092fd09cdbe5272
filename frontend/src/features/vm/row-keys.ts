'use client'
import { type KeyboardEvent, useEffect, useEffectEvent } from 'react'

type Scrolls = { scrollToIndex: (index: number) => void }

/**
 * Keys in the list: j and k go to its first row and from row to row, x selects, a full stop opens the row's menu; Enter
 * opens the VM since the focus is on its link.
 */
export function useRowKeys(rows: readonly { id: string }[], virtual: Scrolls, toggle: (id: string) => void) {
  const go = (to: number) => {
    if (to < 0 || to >= rows.length) return
    virtual.scrollToIndex(to)
    requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-row="${to}"] a`)?.focus())
  }
  const begin = useEffectEvent(() => go(0))
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent) => {
      const at = event.target as HTMLElement
      const free = at === document.body || at.id === 'main'
      if (!free || event.ctrlKey || event.metaKey || event.altKey || !['j', 'k'].includes(event.key)) return
      event.preventDefault()
      begin()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
  return (event: KeyboardEvent<HTMLElement>) => {
    const at = event.target as HTMLElement
    if (event.ctrlKey || event.metaKey || event.altKey || at.closest('[role=menu]')) return
    const row = at.closest<HTMLElement>('[data-row]')
    const index = Number(row?.dataset.row)
    const id = rows[index]?.id
    if (!row || id === undefined) return
    switch (event.key) {
      case 'j':
      case 'ArrowDown':
        go(index + 1)
        break
      case 'k':
      case 'ArrowUp':
        go(index - 1)
        break
      case 'x':
        toggle(id)
        break
      case '.':
        row.querySelector<HTMLElement>('[aria-haspopup=menu]')?.click()
        break
      default:
        return
    }
    event.preventDefault()
  }
}
