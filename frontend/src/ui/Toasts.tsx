'use client'
import { X } from 'lucide-react'
import { type ReactNode, useEffect, useSyncExternalStore } from 'react'
import { IconButton } from './Button'
import { FaultNote, type FaultWords } from './FaultNote'

type Toast = { id: number; text?: ReactNode; fault?: FaultWords; title?: string; action?: ReactNode }

let toasts: Toast[] = []
let count = 0
const listeners = new Set<() => void>()

function change(next: Toast[]) {
  toasts = next
  for (const each of listeners) each()
}

function add(toast: Omit<Toast, 'id'>) {
  count++
  change([...toasts.slice(-3), { ...toast, id: count }])
}

/** Says that something was done, for a while. */
export const toast = (text: ReactNode, action?: ReactNode) => add({ text, action })

/** Says that something failed, until it is closed. */
export const toastFault = (fault: FaultWords, title?: string, action?: ReactNode) => add({ fault, title, action })

const close = (id: number) => change(toasts.filter((each) => each.id !== id))
const read = () => toasts
const none: Toast[] = []

export function Toasts() {
  const shown = useSyncExternalStore(
    (changed) => {
      listeners.add(changed)
      return () => listeners.delete(changed)
    },
    read,
    () => none,
  )
  return (
    <section
      aria-label="Notifications"
      aria-live="polite"
      className="fixed right-4 bottom-4 z-50 flex w-[min(24rem,calc(100vw-2rem))] flex-col gap-2 max-md:bottom-18"
    >
      {shown.map((each) => (
        <Card key={each.id} toast={each} />
      ))}
    </section>
  )
}

function Card({ toast: { id, text, fault, title, action } }: { toast: Toast }) {
  useEffect(() => {
    if (fault) return
    const timer = setTimeout(() => close(id), 6000)
    return () => clearTimeout(timer)
  }, [id, fault])
  return (
    <div className="flex animate-fade items-start gap-2 rounded-lg border bg-surface p-2 pl-3 shadow-lift">
      <div className="min-w-0 flex-1 py-1">
        {title && <p className="mb-1.5 font-medium">{title}</p>}
        {fault ? <FaultNote fault={fault} /> : text}
        {action && <div className="mt-1.5">{action}</div>}
      </div>
      <IconButton label="Close notification" onClick={() => close(id)}>
        <X aria-hidden className="size-4" />
      </IconButton>
    </div>
  )
}
