'use client'
import { Dialog as Base } from '@base-ui/react/dialog'
import { X } from 'lucide-react'
import type { ReactNode, RefObject } from 'react'
import { IconButton } from './Button'
import { cx } from './cx'

type Props = {
  open: boolean
  onClose: () => void
  title: string
  /** What it is about, one sentence below the title. */
  note?: ReactNode
  children: ReactNode
  wide?: boolean
  /** Only a button of its own closes it: what it shows is shown once. */
  stays?: boolean
  initialFocus?: RefObject<HTMLElement | null>
}

/** A question or a small form above the page; on a phone it rises from the bottom edge. */
export function Dialog({ open, onClose, title, note, children, wide, stays, initialFocus }: Props) {
  return (
    <Base.Root open={open} onOpenChange={(next) => !next && !stays && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-30 animate-fade bg-black/35" />
        <Base.Popup
          initialFocus={initialFocus}
          className={cx(
            'fixed z-30 flex max-h-[88dvh] flex-col rounded-lg border bg-surface text-sm shadow-lift outline-none animate-fade',
            'max-md:inset-x-0 max-md:bottom-0 max-md:rounded-b-none',
            'md:left-1/2 md:top-[12dvh] md:max-h-[76dvh] md:w-full md:-translate-x-1/2',
            wide ? 'md:max-w-2xl' : 'md:max-w-md',
          )}
        >
          <header className="flex items-start gap-3 px-5 pt-4 pb-3">
            <div className="min-w-0 flex-1">
              <Base.Title className="text-base font-semibold">{title}</Base.Title>
              {note && <Base.Description className="mt-1 text-soft">{note}</Base.Description>}
            </div>
            {!stays && (
              <IconButton label="Close" className="-mt-0.5 -mr-2 pointer-coarse:-mt-2" onClick={onClose}>
                <X aria-hidden className="size-4" />
              </IconButton>
            )}
          </header>
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}

export function DialogBody({ children }: { children: ReactNode }) {
  return <div className="flex flex-col gap-4 overflow-y-auto px-5 pt-1 pb-4">{children}</div>
}

export function DialogActions({ children }: { children: ReactNode }) {
  return <footer className="flex justify-end gap-2 border-t px-5 py-3">{children}</footer>
}
