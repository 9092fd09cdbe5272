'use client'
import { CircleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { sentence } from '@/lib/sentence'
import { CopyButton } from './Copy'
import { cx } from './cx'

/** What is told of an error: what went wrong, what to do, and what the provider itself said. */
export type FaultWords = {
  readonly code?: string
  readonly message: string
  readonly remedy?: string
  readonly provider?: string
  readonly providerCode?: string
  readonly providerText?: string
  readonly requestId?: string
}

export function FaultNote({ fault, children, quiet }: { fault: FaultWords; children?: ReactNode; quiet?: boolean }) {
  const own = [fault.providerCode, fault.providerText].filter(Boolean).join(': ')
  return (
    <div
      role={quiet ? undefined : 'alert'}
      tabIndex={quiet ? undefined : -1}
      className="flex gap-2.5 rounded-md border border-bad/35 bg-bad-wash px-3 py-2.5 outline-none"
    >
      <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" />
      <div className="min-w-0 flex-1">
        <p className="font-medium wrap-anywhere">{sentence(fault.message)}</p>
        {fault.remedy && <p className="mt-0.5 text-soft wrap-anywhere">{sentence(fault.remedy)}</p>}
        {own && own !== fault.message && (
          <p className="mt-1.5 border-l-2 border-bad/35 pl-2 font-mono text-2xs text-soft wrap-anywhere">{own}</p>
        )}
        {fault.requestId && (
          <p className="mt-1 flex items-center gap-1 text-xs text-soft">
            Request {fault.requestId} <CopyButton text={fault.requestId} what="request id" />
          </p>
        )}
        {children && <div className={cx('mt-2 flex gap-2')}>{children}</div>}
      </div>
    </div>
  )
}

/** Something to know that is not an error: amber for what may hurt, plain for what only informs. */
export function Notice({ tone = 'plain', children }: { tone?: 'plain' | 'warn'; children: ReactNode }) {
  return (
    <div className={cx('rounded-md border px-3 py-2.5', tone === 'warn' ? 'border-warn/40 bg-warn-wash' : 'bg-sunken')}>
      {children}
    </div>
  )
}
