'use client'
import { Lock, RefreshCw, ScrollText } from 'lucide-react'
import Link from 'next/link'
import { type ReactNode, Suspense, useDeferredValue, useMemo, useState } from 'react'
import { graphql, usePaginationFragment } from 'react-relay'
import type { AuditPage_query$key } from '@/__generated__/AuditPage_query.graphql'
import type { AuditPagePaginationQuery } from '@/__generated__/AuditPagePaginationQuery.graphql'
import type { AuditFilter, AuditPageQuery } from '@/__generated__/AuditPageQuery.graphql'
import { Boundary } from '@/features/shell/Boundary'
import { paths } from '@/lib/paths'
import { useURLState } from '@/lib/use-url'
import { useMayNot } from '@/relay/use-may'
import { useReading } from '@/relay/use-reading'
import { Button } from '@/ui/Button'
import { cx } from '@/ui/cx'
import { Bone, Empty, PageBody, PageHeader } from '@/ui/page'
import { AuditFilters, type SetFilter } from './AuditFilters'
import { AuditRow } from './AuditRow'
import { isNarrowed, KEYS, toAuditFilter } from './audit-filter'
import { usePlaces } from './places'

const PAGE = 50

/** Who did what. For administrators. */
export function AuditPage() {
  const mayNot = useMayNot('ADMIN')
  const [params, setParams] = useURLState()
  // “Last hour” ends when it was asked for, until it is asked again.
  const [now, setNow] = useState(Date.now)
  const [fetchKey, setFetchKey] = useState(0)
  const asked = KEYS.map((key) => params.get(key)).join('\n')
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is opened in the list asks for nothing
  const { filter, problems } = useMemo(() => toAuditFilter(params, now), [asked, now])
  const shown = useDeferredValue(filter)
  const set: SetFilter = (patch) => {
    setNow(Date.now())
    setParams({ ...patch, open: null })
  }
  const again = () => {
    setNow(Date.now())
    setFetchKey((before) => before + 1)
  }
  const clear = () => set(Object.fromEntries(KEYS.map((key) => [key, null])))
  return (
    <>
      <PageHeader
        title="Audit log"
        crumbs={
          <>
            <Link href={paths.settings()} className="hover:underline">
              Settings
            </Link>{' '}
            /
          </>
        }
        note="Who asked for what, newest first."
        actions={
          !mayNot && (
            <Button icon={<RefreshCw aria-hidden className="size-3.5" />} onClick={again}>
              Refresh
            </Button>
          )
        }
      />
      <PageBody>
        {mayNot ? (
          <Empty icon={<Lock aria-hidden />} title="The audit log is for administrators to see">
            {mayNot}
          </Empty>
        ) : (
          <>
            <AuditFilters params={params} set={set} now={now} />
            {problems.length > 0 ? (
              <NoMatch onClear={clear}>{problems.join(' ')}</NoMatch>
            ) : (
              <Boundary of={asked}>
                <Suspense fallback={<Bones />}>
                  <List
                    filter={shown}
                    fetchKey={fetchKey}
                    dim={shown !== filter}
                    narrowed={isNarrowed(params)}
                    open={params.get('open')}
                    onOpen={(open) => setParams({ open }, 'replace')}
                    onClear={clear}
                  />
                </Suspense>
              </Boundary>
            )}
          </>
        )}
      </PageBody>
    </>
  )
}

type RowsProps = {
  dim: boolean
  narrowed: boolean
  open: string | null
  onOpen: (id: string | null) => void
  onClear: () => void
}

function List({ filter, fetchKey, ...rest }: RowsProps & { filter: AuditFilter; fetchKey: number }) {
  const variables = useMemo(() => ({ first: PAGE, filter }), [filter])
  const query = useReading<AuditPageQuery>(
    graphql`
      query AuditPageQuery($first: Int!, $filter: AuditFilter) {
        ...AuditPage_query @arguments(first: $first, filter: $filter)
      }
    `,
    variables,
    fetchKey,
  )
  return <Rows query={query} {...rest} />
}

function Rows({ query, dim, narrowed, open, onOpen, onClear }: RowsProps & { query: AuditPage_query$key }) {
  const { data, loadNext, hasNext, isLoadingNext } = usePaginationFragment<
    AuditPagePaginationQuery,
    AuditPage_query$key
  >(
    graphql`
      fragment AuditPage_query on Query
      @refetchable(queryName: "AuditPagePaginationQuery")
      @argumentDefinitions(
        first: { type: "Int", defaultValue: 50 }
        after: { type: "String" }
        filter: { type: "AuditFilter" }
      ) {
        auditLog(first: $first, after: $after, filter: $filter)
          @connection(key: "AuditPage_auditLog", filters: ["filter"]) {
          edges {
            node {
              id
              targetType
              targetId
              ...AuditRow_entry
            }
          }
        }
      }
    `,
    query,
  )
  const { edges } = data.auditLog
  const places = usePlaces(edges.map(({ node }) => node))
  if (edges.length === 0)
    return narrowed ? (
      <NoMatch onClear={onClear}>Each filter has to match. Names are those of the time, in full.</NoMatch>
    ) : (
      <Empty icon={<ScrollText aria-hidden />} title="Nothing has been written down yet">
        What people and programs ask of NovaCron from now on is.
      </Empty>
    )
  return (
    <>
      <ul aria-label="Audit log" className={cx('border-t', dim && 'opacity-60')}>
        {edges.map(({ node }) => (
          <AuditRow
            key={node.id}
            entry={node}
            places={places}
            open={open === node.id}
            onOpen={(on) => onOpen(on ? node.id : null)}
          />
        ))}
      </ul>
      {hasNext && (
        <Button className="mt-4" busy={isLoadingNext} onClick={() => loadNext(PAGE)}>
          Older ones
        </Button>
      )}
    </>
  )
}

function NoMatch({ onClear, children }: { onClear: () => void; children: ReactNode }) {
  return (
    <Empty title="No line matches" action={<Button onClick={onClear}>Clear filters</Button>}>
      {children}
    </Empty>
  )
}

function Bones() {
  return (
    <div role="status" aria-label="Loading the audit log" className="border-t">
      {Array.from({ length: 14 }, (_, row) => (
        <div key={row} className="flex h-[41px] items-center border-b border-line/70 max-md:h-20">
          <Bone className={cx('h-3.5', ['w-2/3', 'w-1/2', 'w-3/5'][row % 3])} />
        </div>
      ))}
    </div>
  )
}
