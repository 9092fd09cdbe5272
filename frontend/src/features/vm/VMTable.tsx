'use client'
import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowDown, ArrowUp, MonitorCog } from 'lucide-react'
import Link from 'next/link'
import { useEffect, useMemo, useRef } from 'react'
import { graphql, usePaginationFragment, useRelayEnvironment } from 'react-relay'
import type { VMTable_query$key } from '@/__generated__/VMTable_query.graphql'
import type { VMTablePaginationQuery } from '@/__generated__/VMTablePaginationQuery.graphql'
import type { VMTableQuery } from '@/__generated__/VMTableQuery.graphql'
import { paths } from '@/lib/paths'
import { usePhone } from '@/lib/use-media'
import { useMayNot } from '@/relay/use-may'
import { read, useReading } from '@/relay/use-reading'
import { Button } from '@/ui/Button'
import { cx } from '@/ui/cx'
import { Bone, Empty } from '@/ui/page'
import { BulkBar } from './BulkBar'
import { useLiveVMs } from './live-vms'
import { useProviderTurns } from './provider-turns'
import { useRowKeys } from './row-keys'
import { useSelection } from './selection'
import { useUsage } from './usage'
import { COLUMNS, VMRow } from './VMRow'
import { VMRowMenu } from './VMRowMenu'
import type { SORTS, SortKey, VMFilter } from './vm-filter'

type OrderBy = { field: (typeof SORTS)[SortKey]['field']; direction: 'ASC' | 'DESC' }
type Sort = { key: SortKey; direction: 'ASC' | 'DESC' }
type Props = {
  filter: VMFilter
  orderBy: OrderBy
  sort: Sort
  onSort: (key: SortKey) => void
  dim: boolean
  filtered: boolean
  onClear: () => void
}

const PAGE = 100
/** What the API gives at once. */
const MOST = 1000
const ROW = 37
const CARD = 69

const query = graphql`
  query VMTableQuery($first: Int!, $filter: VMFilter, $orderBy: VMOrder, $creating: VMFilter, $withCreating: Boolean!) {
    ...VMTable_query @arguments(first: $first, filter: $filter, orderBy: $orderBy)
    creating: vms(first: 20, filter: $creating) @include(if: $withCreating) {
      __id
      edges {
        node {
          id
          name
          ...VMRow_vm
        }
      }
    }
  }
`

export function VMTable({ filter, orderBy, ...rest }: Props) {
  const environment = useRelayEnvironment()
  const variables = {
    first: PAGE,
    filter,
    orderBy,
    creating: { ...filter, status: ['PROVISIONING' as const] },
    withCreating: !filter.status,
  }
  const data = useReading<VMTableQuery>(query, variables)
  const stop = useRef(() => {})
  useEffect(() => () => stop.current(), [])
  const reread = (rows: number) => {
    stop.current()
    stop.current = read(environment, query, { ...variables, first: Math.min(Math.max(PAGE, rows), MOST) })
  }
  return <Rows query={data} creating={data.creating} filter={filter} reread={reread} {...rest} />
}

type RowsProps = Omit<Props, 'orderBy'> & {
  query: VMTable_query$key
  creating: VMTableQuery['response']['creating']
  reread: (rows: number) => void
}

function Rows({ query, creating, filter, reread, sort, onSort, dim, filtered, onClear }: RowsProps) {
  const { data, loadNext, hasNext, isLoadingNext } = usePaginationFragment<VMTablePaginationQuery, VMTable_query$key>(
    graphql`
      fragment VMTable_query on Query
      @refetchable(queryName: "VMTablePaginationQuery")
      @argumentDefinitions(
        first: { type: "Int", defaultValue: 100 }
        after: { type: "String" }
        filter: { type: "VMFilter" }
        orderBy: { type: "VMOrder" }
      ) {
        vms(first: $first, after: $after, filter: $filter, orderBy: $orderBy)
          @connection(key: "VMTable_vms", filters: ["filter", "orderBy"]) {
          __id
          totalCount
          edges {
            node {
              id
              name
              ...VMRow_vm
            }
          }
        }
      }
    `,
    query,
  )
  const { vms } = data
  // Those that are being made come first, as they did when the list was read.
  const rows = useMemo(() => {
    const made = creating?.edges.map((edge) => edge.node) ?? []
    const first = new Set(made.map((vm) => vm.id))
    return [...made, ...vms.edges.map((edge) => edge.node).filter((vm) => !first.has(vm.id))]
  }, [vms.edges, creating])
  const listed = useMemo(() => new Set(rows.map((row) => row.id)), [rows])
  useLiveVMs(
    { filter, connection: vms.__id, creating: creating?.__id, has: (id) => listed.has(id), whole: !hasNext },
    () => reread(rows.length),
  )
  useProviderTurns(() => reread(rows.length))

  const phone = usePhone()
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (phone ? CARD : ROW),
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 10,
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows have other heights on a phone
  useEffect(() => {
    virtual.measure()
  }, [phone, virtual])
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (hasNext && !isLoadingNext && last > rows.length - 40) loadNext(PAGE)
  }, [hasNext, isLoadingNext, last, rows.length, loadNext])

  const seen = useMemo(() => items.map((item) => rows[item.index]?.id).filter((id) => id !== undefined), [items, rows])
  const usage = useUsage(seen)
  const { ids, all, toggle, setMany } = useSelection()
  const onKeyDown = useRowKeys(rows, virtual, toggle)

  if (rows.length === 0) return filtered ? <NoMatch onClear={onClear} /> : <NoVMs />
  const every = all || rows.every((row) => ids.has(row.id))
  return (
    <>
      <div
        role="table"
        aria-label="Virtual machines"
        aria-rowcount={vms.totalCount + 1}
        className={cx('flex min-h-0 flex-1 flex-col border-t', dim && 'opacity-60')}
      >
        <Head
          sort={sort}
          onSort={onSort}
          every={every}
          some={ids.size > 0 || all}
          onEvery={(on) =>
            setMany(
              rows.map((row) => row.id),
              on,
            )
          }
        />
        <div
          ref={scroller}
          role="rowgroup"
          className="min-h-0 flex-1 overflow-y-auto pb-16 [scrollbar-gutter:stable]"
          onKeyDown={onKeyDown}
        >
          <div className="relative" style={{ height: virtual.getTotalSize() }}>
            {items.map((item) => {
              const row = rows[item.index]
              if (!row) return null
              return (
                <VMRow
                  key={row.id}
                  vm={row}
                  index={item.index}
                  top={item.start}
                  usage={usage.get(row.id)}
                  selected={all || ids.has(row.id)}
                  onToggle={toggle}
                />
              )
            })}
          </div>
        </div>
      </div>
      <BulkBar filter={filter} total={vms.totalCount} />
      <VMRowMenu />
    </>
  )
}

const HEADS: { key?: SortKey; label: string; className?: string }[] = [
  { key: 'name', label: 'Name' },
  { key: 'status', label: 'State' },
  { label: 'Host' },
  { key: 'vcpus', label: 'vCPUs', className: 'justify-end' },
  { key: 'memory', label: 'Memory', className: 'justify-end' },
  { label: 'CPU' },
  { label: 'Address' },
  { label: 'Labels' },
  { key: 'created', label: 'Age', className: 'justify-end' },
]

type HeadProps = {
  sort: Sort
  onSort: (key: SortKey) => void
  every: boolean
  some: boolean
  onEvery: (on: boolean) => void
}

function Head({ sort, onSort, every, some, onEvery }: HeadProps) {
  return (
    <div role="rowgroup" className="[scrollbar-gutter:stable] overflow-hidden">
      <div role="row" aria-rowindex={1} className={cx(COLUMNS, 'h-8 border-b text-xs text-soft max-md:hidden')}>
        <span role="columnheader" className="flex justify-center">
          <input
            type="checkbox"
            aria-label="Select all rows read so far"
            checked={every}
            ref={(box) => {
              if (box) box.indeterminate = some && !every
            }}
            onChange={(event) => onEvery(event.target.checked)}
            className="size-4 accent-ink"
          />
        </span>
        {HEADS.map(({ key, label, className }) => {
          const here = key === sort.key
          const Arrow = sort.direction === 'ASC' ? ArrowUp : ArrowDown
          return (
            <span
              key={label}
              role="columnheader"
              aria-sort={here ? (sort.direction === 'ASC' ? 'ascending' : 'descending') : undefined}
              className={cx('flex min-w-0', className)}
            >
              {key ? (
                <button
                  type="button"
                  onClick={() => onSort(key)}
                  className={cx(
                    '-mx-1 flex items-center gap-1 rounded-sm px-1 hover:text-ink',
                    here && 'font-medium text-ink',
                  )}
                >
                  {label}
                  {here && <Arrow aria-hidden className="size-3" />}
                </button>
              ) : (
                label
              )}
            </span>
          )
        })}
        <span role="columnheader">
          <span className="sr-only">Actions</span>
        </span>
      </div>
    </div>
  )
}

function NoVMs() {
  const mayNot = useMayNot('OPERATOR')
  return (
    <Empty
      icon={<MonitorCog aria-hidden />}
      title="No virtual machines yet"
      action={
        <Button look="primary" link={<Link href={paths.newVM()} />} disabledReason={mayNot}>
          New VM
        </Button>
      }
    >
      VMs that run on a connected host already show here by themselves. The first of your own takes a minute.
    </Empty>
  )
}

export function NoMatch({ onClear }: { onClear: () => void }) {
  return (
    <Empty title="No VM matches" action={<Button onClick={onClear}>Clear filters</Button>}>
      Each word and each term has to match.
    </Empty>
  )
}

export function VMTableBones() {
  return (
    <div role="status" aria-label="Loading virtual machines" className="border-t">
      {Array.from({ length: 12 }, (_, row) => (
        <div key={row} className="flex h-[37px] items-center border-b px-6">
          <Bone className={cx('h-3.5', ['w-2/3', 'w-1/2', 'w-3/5'][row % 3])} />
        </div>
      ))}
    </div>
  )
}
