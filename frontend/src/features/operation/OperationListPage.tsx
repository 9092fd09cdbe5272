'use client'
import { Activity } from 'lucide-react'
import { Suspense, useDeferredValue, useMemo } from 'react'
import { graphql, usePaginationFragment } from 'react-relay'
import type { OperationListPage_query$key } from '@/__generated__/OperationListPage_query.graphql'
import type { OperationListPagePaginationQuery } from '@/__generated__/OperationListPagePaginationQuery.graphql'
import type { OperationFilter, OperationListPageQuery } from '@/__generated__/OperationListPageQuery.graphql'
import { formatCount } from '@/lib/units'
import { usePaced } from '@/lib/use-paced'
import { useURLState } from '@/lib/use-url'
import { useOperationPulse } from '@/relay/own-operations'
import { useReading } from '@/relay/use-reading'
import { Button } from '@/ui/Button'
import { cx } from '@/ui/cx'
import { Bone, Empty, PageBody, PageHeader } from '@/ui/page'
import { OperationDetails } from './OperationDetails'
import { OperationRow } from './OperationRow'

const VIEWS: Record<string, { label: string; filter: OperationFilter; none: string }> = {
  all: { label: 'All', filter: {}, none: 'Nothing has been asked of NovaCron yet' },
  active: { label: 'Under way', filter: { active: true }, none: 'Nothing is under way' },
  stuck: { label: 'Stuck', filter: { status: ['STUCK'] }, none: 'Nothing is stuck' },
  failed: { label: 'Failed', filter: { status: ['FAILED', 'STUCK'] }, none: 'Nothing has failed' },
}
const PAGE = 50

export function OperationListPage() {
  const [params, setParams] = useURLState()
  const view = params.get('show') ?? 'all'
  const { filter, none } = VIEWS[view] ?? { filter: {}, none: 'None' }
  const shown = useDeferredValue(filter)
  return (
    <>
      <PageHeader title="Operations" note="All that was asked of NovaCron, newest first." />
      <PageBody>
        <div className="mb-3 flex gap-1">
          {Object.entries(VIEWS).map(([key, { label }]) => (
            <button
              key={key}
              type="button"
              aria-pressed={key === view}
              onClick={() => setParams({ show: key === 'all' ? null : key })}
              className={cx(
                'h-7 rounded-md border px-2.5 text-xs pointer-coarse:h-9',
                key === view ? 'border-ink ring-1 ring-ink' : 'hover:border-edge',
              )}
            >
              {label}
            </button>
          ))}
        </div>
        <Suspense fallback={<Bone className="h-64" />}>
          <List
            filter={shown}
            none={none}
            dim={shown !== filter}
            open={params.get('open')}
            onOpen={(id) => setParams({ open: id }, 'replace')}
          />
        </Suspense>
      </PageBody>
    </>
  )
}

type ListProps = {
  filter: OperationFilter
  none: string
  dim: boolean
  open: string | null
  onOpen: (id: string | null) => void
}

function List({ filter, ...rest }: ListProps) {
  // New ones come with the next reading, which a change brings about, every second at most.
  const fetchKey = usePaced(useOperationPulse(), 1000)
  const variables = useMemo(() => ({ first: PAGE, filter }), [filter])
  const query = useReading<OperationListPageQuery>(
    graphql`
      query OperationListPageQuery($first: Int!, $filter: OperationFilter) {
        ...OperationListPage_query @arguments(first: $first, filter: $filter)
      }
    `,
    variables,
    fetchKey,
  )
  return <Rows query={query} {...rest} />
}

function Rows({ query, none, dim, open, onOpen }: Omit<ListProps, 'filter'> & { query: OperationListPage_query$key }) {
  const { data, loadNext, hasNext, isLoadingNext } = usePaginationFragment<
    OperationListPagePaginationQuery,
    OperationListPage_query$key
  >(
    graphql`
      fragment OperationListPage_query on Query
      @refetchable(queryName: "OperationListPagePaginationQuery")
      @argumentDefinitions(
        first: { type: "Int", defaultValue: 50 }
        after: { type: "String" }
        filter: { type: "OperationFilter" }
      ) {
        operations(first: $first, after: $after, filter: $filter)
          @connection(key: "OperationListPage_operations", filters: ["filter"]) {
          totalCount
          edges {
            node {
              id
              ...OperationRow_operation
            }
          }
        }
      }
    `,
    query,
  )
  const { edges, totalCount } = data.operations
  const elsewhere = open && !edges.some((edge) => edge.node.id === open)
  return (
    <>
      {elsewhere && (
        <div className="mb-4 border-b pb-2">
          <OperationDetails id={open} alone />
        </div>
      )}
      {edges.length === 0 && <Empty icon={<Activity aria-hidden />} title={none} />}
      <ul aria-label="Operations" className={cx('border-t empty:border-0', dim && 'opacity-60')}>
        {edges.map(({ node }) => (
          <OperationRow
            key={node.id}
            operation={node}
            open={open === node.id}
            onOpen={(on) => onOpen(on ? node.id : null)}
          />
        ))}
      </ul>
      {hasNext && (
        <div className="mt-4 flex items-center gap-3">
          <Button busy={isLoadingNext} onClick={() => loadNext(PAGE)}>
            Older ones
          </Button>
          <span className="text-soft">
            {formatCount(edges.length)} of {formatCount(totalCount)}
          </span>
        </div>
      )}
    </>
  )
}
