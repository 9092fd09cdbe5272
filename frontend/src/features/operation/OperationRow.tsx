'use client'
import { ChevronRight } from 'lucide-react'
import Link from 'next/link'
import { Suspense } from 'react'
import { graphql, useFragment } from 'react-relay'
import type { OperationRow_operation$key } from '@/__generated__/OperationRow_operation.graphql'
import { paths } from '@/lib/paths'
import { sentence } from '@/lib/sentence'
import { formatDuration } from '@/lib/time'
import { useNow } from '@/lib/use-now'
import { Age } from '@/ui/Age'
import { cx } from '@/ui/cx'
import { Progress } from '@/ui/Meter'
import { Bone } from '@/ui/page'
import { State } from '@/ui/State'
import { CancelOperation } from './CancelOperation'
import { OperationDetails } from './OperationDetails'
import { doing, hasEnded, kindWord, type OperationStatus, STATUS } from './words'

type Props = { operation: OperationRow_operation$key; open: boolean; onOpen: (open: boolean) => void; bare?: boolean }

/** An operation in a line; opened, what it did step by step. `bare` leaves out what is known from around it. */
export function OperationRow({ operation: ref, open, onOpen, bare }: Props) {
  const operation = useFragment(
    graphql`
      fragment OperationRow_operation on Operation {
        id
        kind
        status
        progress
        note
        steps {
          name
          status
        }
        targetName
        requestedBy
        createdAt
        startedAt
        finishedAt
        target {
          __typename
          ... on VM {
            id
          }
        }
        provider {
          name
        }
        error {
          message
        }
        actions {
          name
          allowed
          reason
          remedy
        }
      }
    `,
    ref,
  )
  const { tone, word } = STATUS[operation.status as OperationStatus]
  const active = !hasEnded(operation.status)
  const what = `${kindWord(operation.kind)} ${operation.targetName}`
  return (
    <li className="border-b border-line/70">
      <div className="relative grid grid-cols-[1.5rem_minmax(0,1fr)_auto] items-center gap-x-3 py-2 md:grid-cols-[1.5rem_7rem_minmax(0,1fr)_8rem_9rem]">
        <button
          type="button"
          aria-expanded={open}
          aria-label={`Details of: ${what}`}
          onClick={() => onOpen(!open)}
          className="flex size-6 items-center justify-center rounded-sm text-soft hover:bg-hover pointer-coarse:size-9"
        >
          <ChevronRight aria-hidden className={cx('size-4 transition-transform', open && 'rotate-90')} />
        </button>
        <State tone={tone} word={word} className="max-md:order-1" />
        <div className="min-w-0">
          <p className="truncate">
            {kindWord(operation.kind)}{' '}
            {operation.target?.__typename === 'VM' && !bare ? (
              <Link prefetch={false} href={paths.vm(operation.target.id ?? '')} className="font-medium hover:underline">
                {operation.targetName}
              </Link>
            ) : (
              <span className="font-medium">{operation.targetName}</span>
            )}
            {operation.provider && !bare && <span className="text-soft"> on {operation.provider.name}</span>}
          </p>
          {active && operation.status !== 'STUCK' ? (
            <div className="flex items-center gap-3 text-xs text-soft">
              <Progress value={operation.progress} label={what} className="w-28 shrink-0" />
              <span className="truncate first-letter:uppercase">{doing(operation)}</span>
              <CancelOperation operation={operation} what={what} />
            </div>
          ) : (
            operation.error && <p className="truncate text-xs text-soft">{sentence(operation.error.message)}</p>
          )}
          <p className="truncate text-xs text-faint md:hidden">
            {operation.requestedBy} · <Age of={operation.createdAt} />
          </p>
        </div>
        <span className="truncate text-soft max-md:hidden">{operation.requestedBy}</span>
        <span className="text-right text-soft max-md:hidden">
          <Age of={operation.createdAt} />
          {operation.startedAt && <Took from={operation.startedAt} to={operation.finishedAt} />}
        </span>
      </div>
      {open && (
        <Suspense fallback={<Bone className="mb-3 ml-9 h-24" />}>
          <OperationDetails id={operation.id} />
        </Suspense>
      )}
    </li>
  )
}

function Took({ from, to }: { from: string; to: string | null | undefined }) {
  const now = useNow(to ? 60_000 : 1000)
  const ms = (to ? Date.parse(to) : now) - Date.parse(from)
  return <span className="text-faint"> · {formatDuration(ms)}</span>
}
