'use client'
import { ArrowDownUp, ListFilter, Search, X } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { formatQuery, hasTerm, parseQuery, toggleTerm } from '@/lib/filter'
import { Button } from '@/ui/Button'
import { cx } from '@/ui/cx'
import { CONTROL } from '@/ui/fields'
import { Menu, type MenuEntry } from '@/ui/Menu'
import { type KnownHost, SORTS, type SortKey, VM_KEYS } from './vm-filter'

const PAUSE = 150

type Props = {
  text: string
  onText: (text: string, how?: 'push' | 'replace') => void
  hosts: readonly KnownHost[]
  sort: { key: SortKey; direction: 'ASC' | 'DESC' }
  onSort: (key: SortKey) => void
}

/** The text that filters, and menus that write into it. */
export function VMSearch({ text, onText, hosts, sort, onSort }: Props) {
  const query = parseQuery(text, VM_KEYS)
  const term = (label: string, key: string, value: string): MenuEntry => ({
    kind: 'item',
    label,
    icon: hasTerm(query, key, value) ? '✓' : null,
    onSelect: () => onText(formatQuery(toggleTerm(query, key, value))),
  })
  const arrow = sort.direction === 'ASC' ? '↑' : '↓'
  return (
    <div className="flex items-center gap-2">
      <SearchBox text={text} onText={onText} />
      <Menu
        trigger={
          <Button icon={<ListFilter aria-hidden className="size-3.5" />}>
            <span className="max-sm:sr-only">Filter</span>
          </Button>
        }
        entries={[
          { kind: 'note', text: 'On host' },
          ...hosts.map((host) => term(hostName(host, hosts), 'host', hostName(host, hosts))),
          { kind: 'line' },
          term('Managed here', 'is', 'managed'),
          term('Discovered', 'is', 'discovered'),
          term('Missing at their host', 'is', 'missing'),
        ]}
      />
      <Menu
        trigger={
          <Button className="md:hidden" icon={<ArrowDownUp aria-hidden className="size-3.5" />}>
            <span className="sr-only">Sort</span>
          </Button>
        }
        entries={Object.entries(SORTS).map(([key, { label }]) => ({
          kind: 'item',
          label: `${label} ${key === sort.key ? arrow : ''}`,
          onSelect: () => onSort(key as SortKey),
        }))}
      />
    </div>
  )
}

/** A host goes by its connection's name where that has no other. */
function hostName(host: KnownHost, hosts: readonly KnownHost[]) {
  const alone = hosts.filter((each) => each.provider.name === host.provider.name).length === 1
  return alone ? host.provider.name : host.name
}

/** What is typed reaches the address after a short pause, as one step of the history. */
function SearchBox({ text, onText }: Pick<Props, 'text' | 'onText'>) {
  const box = useRef<HTMLInputElement>(null)
  const [typed, setTyped] = useState(text)
  // What we wrote into the address comes back from it, perhaps when more has been typed.
  const own = useRef<string[]>([])
  useEffect(() => {
    const ours = own.current.lastIndexOf(text)
    own.current = ours < 0 ? [] : own.current.slice(ours + 1)
    if (ours < 0) setTyped((before) => (before.trim() === text ? before : text))
  }, [text])
  useEffect(() => {
    const next = typed.trim()
    if (next === text) return
    const timer = setTimeout(() => {
      own.current.push(next)
      onText(next, text === '' ? 'push' : 'replace')
    }, PAUSE)
    return () => clearTimeout(timer)
  })
  return (
    <div className="relative min-w-0 flex-1 md:max-w-xl">
      <Search
        aria-hidden
        className="pointer-events-none absolute top-1/2 left-2.5 size-4 -translate-y-1/2 text-faint"
      />
      <input
        ref={box}
        type="search"
        aria-label="Search virtual machines"
        aria-keyshortcuts="/"
        placeholder="Name, address, label, or status: host: tag:"
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') box.current?.blur()
        }}
        className={cx(
          CONTROL,
          'h-8 pr-8 pl-8 pointer-coarse:h-10 pointer-coarse:text-base [&::-webkit-search-cancel-button]:hidden',
        )}
      />
      {typed ? (
        <button
          type="button"
          aria-label="Clear search"
          onClick={() => {
            setTyped('')
            box.current?.focus()
          }}
          className="absolute top-1/2 right-1.5 flex size-6 -translate-y-1/2 items-center justify-center rounded-sm text-faint hover:bg-hover"
        >
          <X aria-hidden className="size-3.5" />
        </button>
      ) : (
        <kbd
          aria-hidden
          className="pointer-events-none absolute top-1/2 right-2 -translate-y-1/2 rounded-sm border px-1.5 font-sans text-2xs text-faint pointer-coarse:hidden"
        >
          /
        </kbd>
      )}
    </div>
  )
}
