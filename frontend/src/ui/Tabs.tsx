'use client'
import { cloneElement, type ReactElement, useEffect, useRef } from 'react'
import { cx } from './cx'

type Tab = {
  key: string
  label: string
  count?: number
  link: ReactElement<{ className?: string; children?: React.ReactNode; 'aria-current'?: 'page' }>
}

/** Views of one thing, each with an address of its own. They scroll sideways when there is no room. */
export function Tabs({ label, tabs, current }: { label: string; tabs: Tab[]; current: string }) {
  const nav = useRef<HTMLElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the tab that is looked at is brought into sight
  useEffect(() => {
    nav.current?.querySelector('[aria-current=page]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }, [current])
  return (
    <nav
      ref={nav}
      aria-label={label}
      className="flex gap-5 overflow-x-auto border-b px-4 [scrollbar-width:none] md:px-6"
    >
      {tabs.map((tab) =>
        cloneElement(tab.link, {
          key: tab.key,
          'aria-current': tab.key === current ? 'page' : undefined,
          className: cx(
            '-mb-px flex items-center gap-1.5 border-b-2 py-2 whitespace-nowrap outline-offset-[-2px]',
            tab.key === current ? 'border-brand font-medium text-ink' : 'border-transparent text-soft hover:text-ink',
          ),
          children: (
            <>
              {tab.label}
              {tab.count !== undefined && <span className="text-xs font-normal text-faint">{tab.count}</span>}
            </>
          ),
        }),
      )}
    </nav>
  )
}
