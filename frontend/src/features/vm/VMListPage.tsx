'use client'
import { Plus } from 'lucide-react'
import Link from 'next/link'
import { Suspense, useDeferredValue, useMemo } from 'react'
import { graphql, useLazyLoadQuery } from 'react-relay'
import type { VMListPageQuery } from '@/__generated__/VMListPageQuery.graphql'
import { Boundary } from '@/features/shell/Boundary'
import { paths } from '@/lib/paths'
import { useURLState } from '@/lib/use-url'
import { useMayNot } from '@/relay/use-may'
import { Button } from '@/ui/Button'
import { PageHeader } from '@/ui/page'
import { Facets, Total } from './Facets'
import { SelectionProvider } from './selection'
import { VMSearch } from './VMSearch'
import { NoMatch, VMTable, VMTableBones } from './VMTable'
import { formatSort, parseSort, SORTS, type SortKey, toVMFilter } from './vm-filter'

/** All VMs that match the address: text, facets and sort stand there and nowhere else. */
export function VMListPage() {
  const [params, setParams] = useURLState()
  const mayNot = useMayNot('OPERATOR')
  const { hypervisorHosts } = useLazyLoadQuery<VMListPageQuery>(
    graphql`
      query VMListPageQuery {
        hypervisorHosts {
          id
          name
          provider {
            name
          }
        }
      }
    `,
    {},
    { fetchPolicy: 'store-or-network' },
  )
  const text = params.get('q') ?? ''
  const sort = params.get('sort')
  const { filter, problems } = useMemo(() => toVMFilter(text, hypervisorHosts), [text, hypervisorHosts])
  const { key, direction } = useMemo(() => parseSort(sort), [sort])
  const wanted = useMemo(() => ({ filter, orderBy: { field: SORTS[key].field, direction } }), [filter, key, direction])
  // While the next list is on its way the last one stays, dimmed.
  const shown = useDeferredValue(wanted)
  const onText = (next: string, how: 'push' | 'replace' = 'push') => setParams({ q: next }, how)
  // A term that means nothing asks for nothing; a filter that the API refuses is told below the box that it is of.
  const nonsense = problems.length > 0
  const asked = JSON.stringify(shown.filter)
  const clear = () => onText('')
  const onSort = (next: SortKey) =>
    setParams({ sort: formatSort(next, next === key && direction === 'ASC' ? 'DESC' : 'ASC') })
  return (
    <SelectionProvider of={text}>
      <div className="flex h-full flex-col">
        <PageHeader
          title="Virtual machines"
          beside={
            !nonsense && (
              <Boundary silent of={asked}>
                <Suspense>
                  <Total filter={shown.filter} />
                </Suspense>
              </Boundary>
            )
          }
          actions={
            <Button
              look="primary"
              icon={<Plus aria-hidden className="size-4" />}
              link={<Link href={paths.newVM()} />}
              disabledReason={mayNot}
            >
              New VM
            </Button>
          }
        />
        <div className="flex flex-col gap-2 px-4 pb-3 md:px-6">
          <VMSearch text={text} onText={onText} hosts={hypervisorHosts} sort={{ key, direction }} onSort={onSort} />
          {nonsense ? (
            <p role="status" className="flex min-h-7 items-center text-xs text-warn pointer-coarse:min-h-9">
              {problems.join(' ')}
            </p>
          ) : (
            <Boundary silent of={asked}>
              <Suspense fallback={<div className="h-7" />}>
                <Facets filter={shown.filter} text={text} onText={onText} />
              </Suspense>
            </Boundary>
          )}
        </div>
        {nonsense ? (
          <NoMatch onClear={clear} />
        ) : (
          <Boundary of={asked}>
            <Suspense fallback={<VMTableBones />}>
              <VMTable
                {...shown}
                dim={shown !== wanted}
                sort={{ key, direction }}
                onSort={onSort}
                filtered={text !== ''}
                onClear={clear}
              />
            </Suspense>
          </Boundary>
        )}
      </div>
    </SelectionProvider>
  )
}
