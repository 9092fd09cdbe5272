'use client'
import { X } from 'lucide-react'
import { type ReactNode, Suspense, useEffect, useId, useRef, useState } from 'react'
import { graphql, useLazyLoadQuery } from 'react-relay'
import type { AuditFiltersNameQuery } from '@/__generated__/AuditFiltersNameQuery.graphql'
import type { AuditFiltersQuery } from '@/__generated__/AuditFiltersQuery.graphql'
import { Boundary } from '@/features/shell/Boundary'
import { DEEDS } from '@/lib/deeds'
import { usePhone } from '@/lib/use-media'
import { cx } from '@/ui/cx'
import { CONTROL, SelectField, TextField } from '@/ui/fields'
import { More } from '@/ui/More'
import { type AuditKey, filterOf, fromLocal, KEYS, SPANS, toLocal } from './audit-filter'
import { thingWord } from './words'

export type SetFilter = (patch: Partial<Record<AuditKey, string | null>>) => void
type Props = { params: URLSearchParams; set: SetFilter; now: number }

const EXACT = 'exact'
const ACTIONS = [
  { value: '', label: 'Anything' },
  ...Object.entries(DEEDS).map(([value, { all, group }]) => ({ value, label: all, group })),
  { value: 'operationEnded', label: 'The end of an operation', group: 'Operations' },
]

/** The search of the audit log; what is chosen stands in the address. */
export function AuditFilters({ params, set, now }: Props) {
  const given = (key: AuditKey) => params.get(key) ?? ''
  const [since, until, action] = [given('since'), given('until'), given('action')]
  const span = until ? EXACT : since === '' || since in SPANS ? since : EXACT
  const [exact, setExact] = useState(span === EXACT)
  const shown = exact || span === EXACT
  const onSpan = (next: string) => {
    setExact(next === EXACT)
    const from = SPANS[since] ?? SPANS['24h']
    if (next === EXACT) set({ since: from && new Date(now - from.ms).toISOString() })
    else set({ since: next, until: null })
  }
  const phone = usePhone()
  const fields = (
    <div className="grid grid-cols-2 items-end gap-x-3 gap-y-2 md:grid-cols-[minmax(7rem,13rem)_minmax(8rem,16rem)_7.5rem_9.5rem_minmax(7rem,14rem)]">
      <Boundary silent>
        <Suspense fallback={<Who value={given('actor')} names={[]} onChange={(actor) => set({ actor })} />}>
          <Known value={given('actor')} onChange={(actor) => set({ actor })} />
        </Suspense>
      </Boundary>
      <SelectField
        label="What"
        value={action}
        onChange={(next) => set({ action: next })}
        options={
          ACTIONS.some(({ value }) => value === action) ? ACTIONS : [...ACTIONS, { value: action, label: action }]
        }
      />
      <SelectField
        label="Outcome"
        value={given('outcome')}
        onChange={(outcome) => set({ outcome })}
        options={[
          { value: '', label: 'Either' },
          { value: 'allowed', label: 'Allowed' },
          { value: 'denied', label: 'Refused' },
        ]}
      />
      <SelectField
        label="When"
        value={shown ? EXACT : span}
        onChange={onSpan}
        options={[
          { value: '', label: 'Any time' },
          ...Object.entries(SPANS).map(([value, { label }]) => ({ value, label })),
          { value: EXACT, label: 'Exactly …' },
        ]}
      />
      <Id onId={(id) => set(filterOf(id))} />
      {shown && (
        <div className="col-span-2 grid grid-cols-1 gap-x-3 gap-y-2 sm:grid-cols-2 md:col-span-5 md:w-fit">
          <Moment label="From" iso={since in SPANS ? '' : since} onChange={(next) => set({ since: next })} />
          <Moment label="Before" iso={until} onChange={(next) => set({ until: next })} />
        </div>
      )}
    </div>
  )
  const count = KEYS.filter((key) => key !== 'target' && key !== 'operation' && given(key)).length
  return (
    <div role="search" aria-label="Audit log" className="mb-3 flex flex-col gap-3">
      {phone ? <More label={count ? `Filter · ${count}` : 'Filter'}>{fields}</More> : fields}
      <div className="flex flex-wrap gap-2 empty:hidden">
        {given('target') && (
          <Chip what={given('target')} onRemove={() => set({ target: null })}>
            About{' '}
            <Boundary silent of={given('target')} instead={given('target')}>
              <Suspense fallback={given('target')}>
                <LastName of={given('target')} />
              </Suspense>
            </Boundary>
          </Chip>
        )}
        {given('operation') && (
          <Chip what={given('operation')} onRemove={() => set({ operation: null })}>
            Operation <span className="font-mono">…{given('operation').slice(-8)}</span>
          </Chip>
        )}
      </div>
    </div>
  )
}

function Chip({ what, onRemove, children }: { what: string; onRemove: () => void; children: ReactNode }) {
  return (
    <span title={what} className="inline-flex h-7 max-w-full items-center rounded-md border bg-sunken pl-2.5 text-xs">
      <span className="truncate">{children}</span>
      <button
        type="button"
        aria-label={`All again, not only ${what}`}
        onClick={onRemove}
        className="ml-1 flex size-7 shrink-0 items-center justify-center rounded-md text-faint hover:text-ink pointer-coarse:size-9"
      >
        <X aria-hidden className="size-3.5" />
      </button>
    </span>
  )
}

/** What it was called when something was last done with it: it may be there no more. */
function LastName({ of }: { of: string }) {
  const { auditLog } = useLazyLoadQuery<AuditFiltersNameQuery>(
    graphql`
      query AuditFiltersNameQuery($target: ID!) {
        auditLog(first: 10, filter: { target: $target }) {
          edges {
            node {
              id
              targetType
              targetName
            }
          }
        }
      }
    `,
    { target: of },
  )
  // Not every line tells the name.
  const last = auditLog.edges.find(({ node }) => node.targetName)?.node
  return last ? `the ${thingWord(last.targetType)} ${last.targetName}` : of
}

/** For who has an id from a log or an error: it says of what it is by itself. */
function Id({ onId }: { onId: (id: string) => void }) {
  const [typed, setTyped] = useState('')
  const done = () => {
    if (typed.trim()) onId(typed.trim())
    setTyped('')
  }
  return (
    <TextField
      label="Id of a thing or an operation"
      className="max-md:col-span-2"
      value={typed}
      placeholder="vm_… or op_…"
      mono
      autoComplete="off"
      autoCapitalize="none"
      spellCheck={false}
      onChange={setTyped}
      onBlur={done}
      onKeyDown={(event) => event.key === 'Enter' && done()}
    />
  )
}

type WhoProps = { value: string; names: readonly string[]; onChange: (value: string) => void }

/** A name is whole or finds nothing: so it counts when it is one that is known, or when it has been typed to its end. */
function Who({ value, names, onChange }: WhoProps) {
  const list = useId()
  const [typed, setTyped] = useState(value)
  const [before, setBefore] = useState(value)
  if (value !== before) {
    setBefore(value)
    setTyped(value)
  }
  const done = () => {
    if (typed.trim() !== value) onChange(typed.trim())
  }
  return (
    <>
      <TextField
        label="Who"
        value={typed}
        placeholder="Anybody"
        list={list}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        onChange={(next) => {
          setTyped(next)
          if (next === '' || names.includes(next)) onChange(next)
        }}
        onBlur={done}
        onKeyDown={(event) => event.key === 'Enter' && done()}
      />
      <datalist id={list}>
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  )
}

function Known(props: Omit<WhoProps, 'names'>) {
  const { people } = useLazyLoadQuery<AuditFiltersQuery>(
    graphql`
      query AuditFiltersQuery {
        people {
          id
          name
        }
      }
    `,
    {},
  )
  return <Who {...props} names={people.map(({ name }) => name)} />
}

type MomentProps = { label: string; iso: string; onChange: (iso: string) => void }

/** A moment in the viewer’s own time. While a part of it is missing the browser tells nothing, and nothing changes. */
function Moment({ label, iso, onChange }: MomentProps) {
  const id = useId()
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (input.current && document.activeElement !== input.current) input.current.value = toLocal(iso)
  }, [iso])
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className="text-xs font-medium text-soft">
        {label}
      </label>
      <input
        ref={input}
        id={id}
        type="datetime-local"
        defaultValue={toLocal(iso)}
        onChange={({ target }) => target.value && onChange(fromLocal(target.value))}
        onBlur={({ target }) => !target.value && iso && onChange('')}
        className={cx(CONTROL, 'h-8 pointer-coarse:h-10 pointer-coarse:text-base')}
      />
    </div>
  )
}
