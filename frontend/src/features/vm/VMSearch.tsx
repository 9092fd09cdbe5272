'use client'
import { ArrowDownUp, ListFilter } from 'lucide-react'
import { formatQuery, hasTerm, parseQuery, toggleTerm } from '@/lib/filter'
import { Button } from '@/ui/Button'
import { Menu, type MenuEntry } from '@/ui/Menu'
import { SearchBox } from '@/ui/SearchBox'
import { type KnownHost, SORTS, type SortKey, VM_KEYS } from './vm-filter'

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
      <SearchBox
        label="Search virtual machines"
        placeholder="Name, address, label, or status: host: tag:"
        text={text}
        onText={onText}
      />
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
