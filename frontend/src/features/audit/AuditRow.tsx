'use client'
import { ChevronRight } from 'lucide-react'
import Link from 'next/link'
import type { ReactNode } from 'react'
import { graphql, useFragment } from 'react-relay'
import type { AuditRow_entry$data, AuditRow_entry$key } from '@/__generated__/AuditRow_entry.graphql'
import { paths } from '@/lib/paths'
import { formatMoment } from '@/lib/time'
import { Age } from '@/ui/Age'
import { CopyButton, CopyText } from '@/ui/Copy'
import { cx } from '@/ui/cx'
import { Facts } from '@/ui/page'
import { State } from '@/ui/State'
import { Tip } from '@/ui/Tip'
import type { Place } from './places'
import { outcomeOf, thingWord, told, words } from './words'

type Props = {
  entry: AuditRow_entry$key
  places: ReadonlyMap<string, Place>
  open: boolean
  onOpen: (open: boolean) => void
}

const LINE =
  'grid items-center gap-x-4 gap-y-0.5 grid-cols-[minmax(0,1fr)_auto] ' +
  'md:grid-cols-[7.5rem_minmax(5rem,9rem)_minmax(0,1fr)_6rem_8rem] xl:grid-cols-[7.5rem_11rem_minmax(0,1fr)_6.5rem_9rem_8.5rem]'

/** Who asked for what, and what became of it, in a line; opened, all that is known of it. */
export function AuditRow({ entry: ref, places, open, onOpen }: Props) {
  const entry = useFragment(
    graphql`
      fragment AuditRow_entry on AuditEntry {
        id
        at
        actor
        address
        requestId
        action
        outcome
        targetType
        targetId
        targetName
        operationId
        detail
      }
    `,
    ref,
  )
  const { at, actor, address, requestId, targetId } = entry
  const place = targetId ? places.get(targetId) : undefined
  const named = { ...entry, targetName: entry.targetName || place?.name || '' }
  const { does, name, more } = words(named)
  const { tone, word, usual } = outcomeOf(entry)
  return (
    <li className="border-b border-line/70">
      <div className={cx(LINE, 'py-1.5')}>
        <Tip text={formatMoment(at)}>
          <button
            type="button"
            aria-expanded={open}
            aria-label={`Details of: ${[does, name, more].filter(Boolean).join(' ')}, by ${actor}, ${formatMoment(at)}`}
            onClick={() => onOpen(!open)}
            className="-ml-2 flex h-7 w-fit items-center gap-1.5 rounded-sm pr-2 pl-1 text-soft hover:bg-hover hover:text-ink pointer-coarse:h-9"
          >
            <ChevronRight aria-hidden className={cx('size-4 shrink-0 transition-transform', open && 'rotate-90')} />
            <Age of={at} bare />
          </button>
        </Tip>
        <p className="truncate max-md:order-3 max-md:text-xs max-md:text-soft" title={actor}>
          {actor}
          {address && <span className="text-faint md:hidden"> · {address}</span>}
        </p>
        <p className="max-md:order-2 max-md:col-span-2 max-md:wrap-anywhere md:truncate">
          {does} {name && <Name place={place}>{name}</Name>}
          {more && <span className="text-soft"> {more}</span>}
        </p>
        <State tone={tone} word={word} dim={usual} className="max-md:order-1" />
        <span className="truncate text-soft max-md:hidden" title={address}>
          {address || <span className="text-faint">NovaCron itself</span>}
        </span>
        <span className="hidden items-center justify-end gap-1 xl:flex">
          {requestId && (
            <>
              {/* The end: ids of the same minute begin alike. */}
              <span className="font-mono text-xs text-faint">…{requestId.slice(-8)}</span>
              <CopyButton text={requestId} what={`request id ${requestId}`} />
            </>
          )}
        </span>
      </div>
      {open && <Details entry={named} place={place} />}
    </li>
  )
}

function Name({ place, children }: { place?: Place; children: ReactNode }) {
  if (!place) return <span className="font-medium">{children}</span>
  return (
    <Link prefetch={false} href={place.href} className="font-medium hover:underline">
      {children}
    </Link>
  )
}

function Details({ entry, place }: { entry: Omit<AuditRow_entry$data, ' $fragmentType'>; place?: Place }) {
  const { at, actor, address, requestId, action, targetType, targetId, targetName, operationId } = entry
  const more = told(entry)
  const facts: [string, ReactNode][] = [
    ['When', formatMoment(at)],
    [
      'Who',
      <With key="who" more={<Only href={paths.audit({ actor })}>All by {actor}</Only>}>
        {actor}
      </With>,
    ],
    ['From', address ? <CopyText key="from" text={address} what="address" /> : 'NovaCron itself'],
    ['What', <code key="what">{action}</code>],
  ]
  if (targetId)
    facts.push([
      'On',
      <With key="on" more={<Only href={paths.audit({ target: targetId })}>All about it</Only>}>
        {thingWord(targetType)} {targetName && <Name place={place}>{targetName}</Name>}{' '}
        <CopyText text={targetId} what="its id" mono />
      </With>,
    ])
  if (operationId)
    facts.push([
      'Operation',
      <With key="operation" more={<Only href={paths.audit({ operation: operationId })}>All of it</Only>}>
        <Link prefetch={false} href={paths.operations(operationId)} className="font-medium hover:underline">
          What it did
        </Link>{' '}
        <CopyText text={operationId} what="operation id" mono />
      </With>,
    ])
  if (requestId) facts.push(['Request', <CopyText key="request" text={requestId} what="request id" mono />])
  for (const { name, text, code } of more)
    facts.push([
      name,
      code ? (
        <pre key={name} className="font-mono text-xs whitespace-pre-wrap wrap-anywhere">
          {text}
        </pre>
      ) : (
        text
      ),
    ])
  return (
    <div className="mb-3 max-w-3xl md:ml-4.5">
      <Facts items={facts} />
    </div>
  )
}

const With = ({ more, children }: { more: ReactNode; children: ReactNode }) => (
  <span className="flex flex-wrap items-baseline justify-between gap-x-4">
    <span className="flex min-w-0 flex-wrap items-baseline gap-x-2">{children}</span>
    {more}
  </span>
)

const Only = ({ href, children }: { href: string; children: ReactNode }) => (
  <Link
    prefetch={false}
    href={href}
    className="text-xs text-soft underline decoration-line underline-offset-2 hover:text-ink hover:decoration-current"
  >
    {children}
  </Link>
)
