'use client'
import { Menu as Base } from '@base-ui/react/menu'
import type { ComponentProps, ReactElement, ReactNode } from 'react'
import { cx } from './cx'

export type MenuEntry =
  | { kind: 'item'; label: string; icon?: ReactNode; reason?: string; danger?: boolean; onSelect: () => void }
  /** Somewhere to go, which can be opened in another tab: `link: <Link href="…" />`. */
  | { kind: 'link'; label: string; icon?: ReactNode; link: ReactElement }
  | { kind: 'line' }
  | { kind: 'note'; text: string }

/** The entries of a menu. One that cannot be used stays, can be reached by keyboard, and says why. */
export function MenuEntries({ entries }: { entries: MenuEntry[] }) {
  return entries.map((entry, index) => {
    if (entry.kind === 'line') return <Base.Separator key={`line-${index}`} className="my-1 border-t" />
    if (entry.kind === 'note')
      return (
        <div key={entry.text} className="px-2 py-1.5 text-xs text-soft">
          {entry.text}
        </div>
      )
    if (entry.kind === 'link')
      return (
        <Base.LinkItem
          key={entry.label}
          render={entry.link}
          closeOnClick
          className="flex gap-2 rounded-sm px-2 py-1.5 text-ink outline-none data-highlighted:bg-hover pointer-coarse:py-2.5"
        >
          <Icon>{entry.icon}</Icon>
          {entry.label}
        </Base.LinkItem>
      )
    return (
      <Base.Item
        key={entry.label}
        aria-disabled={entry.reason ? true : undefined}
        closeOnClick={!entry.reason}
        onClick={() => {
          if (!entry.reason) entry.onSelect()
        }}
        className={cx(
          'flex gap-2 rounded-sm px-2 py-1.5 outline-none data-highlighted:bg-hover pointer-coarse:py-2.5',
          entry.reason ? 'text-faint' : entry.danger ? 'text-bad' : 'text-ink',
        )}
      >
        <Icon>{entry.icon}</Icon>
        <span>
          {entry.label}
          {entry.reason && <span className="block max-w-52 text-xs text-faint">{entry.reason}</span>}
        </span>
      </Base.Item>
    )
  })
}

function Icon({ children }: { children: ReactNode }) {
  return <span className="flex h-5 w-4 shrink-0 items-center justify-center [&_svg]:size-3.5">{children}</span>
}

/** Menus open inside the page's main part, where those who go by landmarks find them. */
export function MenuSheet({
  children,
  finalFocus,
}: {
  children: ReactNode
  finalFocus?: ComponentProps<typeof Base.Popup>['finalFocus']
}) {
  const main = typeof document === 'undefined' ? undefined : document.getElementById('main')
  return (
    <Base.Portal container={main}>
      <Base.Positioner sideOffset={4} align="end" positionMethod="fixed" className="z-40">
        <Base.Popup
          tabIndex={0}
          finalFocus={finalFocus}
          className="max-h-(--available-height) min-w-44 animate-fade overflow-y-auto rounded-lg border bg-surface p-1 text-sm shadow-lift outline-none"
        >
          {children}
        </Base.Popup>
      </Base.Positioner>
    </Base.Portal>
  )
}

export function Menu({ trigger, entries }: { trigger: ReactElement; entries: MenuEntry[] }) {
  return (
    <Base.Root>
      <Base.Trigger render={trigger} />
      <MenuSheet>
        <MenuEntries entries={entries} />
      </MenuSheet>
    </Base.Root>
  )
}
