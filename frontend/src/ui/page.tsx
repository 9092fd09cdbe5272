import type { ReactNode } from 'react'
import { cx } from './cx'

type HeaderProps = {
  title: ReactNode
  /** What stands before the title: where it belongs to. */
  crumbs?: ReactNode
  /** What stands beside the title: a state, a count. */
  beside?: ReactNode
  note?: ReactNode
  actions?: ReactNode
}

export function PageHeader({ title, crumbs, beside, note, actions }: HeaderProps) {
  return (
    <header className="flex flex-wrap items-end justify-between gap-x-6 gap-y-3 px-4 pt-4 pb-3 md:px-6 md:pt-5">
      <div className="min-w-0">
        {crumbs && (
          <nav aria-label="Breadcrumbs" className="mb-0.5 text-xs text-soft">
            {crumbs}
          </nav>
        )}
        <div className="flex flex-wrap items-baseline gap-x-3 gap-y-0.5">
          <h1 className="min-w-0 text-lg font-semibold tracking-tight wrap-anywhere">{title}</h1>
          {beside}
        </div>
        {note && <div className="mt-0.5 text-soft">{note}</div>}
      </div>
      {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
    </header>
  )
}

export function PageBody({ children, narrow }: { children: ReactNode; narrow?: boolean }) {
  return <div className={cx('px-4 pt-1 pb-10 md:px-6 md:pt-2', narrow && 'max-w-4xl')}>{children}</div>
}

type SectionProps = { title: string; note?: ReactNode; actions?: ReactNode; children: ReactNode; className?: string }

/** A part of a page under its own heading; a hairline, not a box, holds it together. */
export function Section({ title, note, actions, children, className }: SectionProps) {
  return (
    <section aria-label={title} className={cx('min-w-0', className)}>
      <div className="mb-2 flex min-h-8 flex-wrap items-center justify-between gap-2 border-b pb-1.5">
        <h2 className="text-sm font-semibold">{title}</h2>
        {actions}
      </div>
      {note && <p className="mb-3 text-soft">{note}</p>}
      {children}
    </section>
  )
}

/** Names and values in two columns. */
export function Facts({ items }: { items: [name: string, value: ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[minmax(6.5rem,auto)_1fr] gap-x-5">
      {items.map(([name, value]) => (
        <div
          key={name}
          className="col-span-2 grid grid-cols-subgrid items-baseline border-b border-line/60 py-1.5 last:border-0"
        >
          <dt className="text-soft">{name}</dt>
          <dd className="min-w-0 wrap-anywhere">{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** Nothing here: why, and the way out. */
export function Empty({
  icon,
  title,
  children,
  action,
}: {
  icon?: ReactNode
  title: string
  children?: ReactNode
  action?: ReactNode
}) {
  return (
    <div className="flex flex-col items-center gap-1 px-6 py-14 text-center">
      {icon && <div className="mb-2 text-faint [&_svg]:size-6">{icon}</div>}
      <p className="text-base font-medium">{title}</p>
      {children && <div className="max-w-md text-soft">{children}</div>}
      {action && <div className="mt-4 flex gap-2">{action}</div>}
    </div>
  )
}

/** A grey copy of what is about to come. */
export function Bone({ className }: { className?: string }) {
  return <div aria-hidden className={cx('animate-pulse rounded-sm bg-hover', className)} />
}

export function BonePage({ rows = 8 }: { rows?: number }) {
  return (
    <div role="status" aria-label="Loading" className="px-4 pt-5 md:px-6">
      <Bone className="mb-5 h-6 w-48" />
      <div className="flex flex-col gap-3">
        {Array.from({ length: rows }, (_, row) => (
          <Bone key={row} className="h-5" />
        ))}
      </div>
    </div>
  )
}
