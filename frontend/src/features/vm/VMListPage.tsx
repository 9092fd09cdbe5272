'use client'
import { Plus } from 'lucide-react'
import Link from 'next/link'
import { Suspense, useDeferredValue, useMemo } from 'react'
import { graphql, useLazyLoadQuery } from 'react-relay'
import type { VMListPageQuery } from '@/__generated__/VMListPageQuery.graphql'
import { paths } from '@/lib/paths'
import { useURLState } from '@/lib/use-url'
import { useMayNot } from '@/relay/use-may'
import { Button } from '@/ui/Button'
import { PageHeader } from '@/ui/page'
import { Facets, Total } from './Facets'
import { SelectionProvider } from './selection'
import { VMSearch } from './VMSearch'
import { VMTable, VMTableBones } from './VMTable'
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
  const onSort = (next: SortKey) =>
    setParams({ sort: formatSort(next, next === key && direction === 'ASC' ? 'DESC' : 'ASC') })
  return (
    <SelectionProvider of={text}>
      <div className="flex h-full flex-col">
        <PageHeader
          title="Virtual machines"
          beside={
            <Suspense>
              <Total filter={shown.filter} />
            </Suspense>
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
          <Suspense fallback={<div className="h-7" />}>
            <Facets filter={shown.filter} text={text} onText={onText} />
          </Suspense>
          {problems.length > 0 && (
            <p role="status" className="text-xs text-warn">
              {problems.join(' ')}
            </p>
          )}
        </div>
        <Suspense fallback={<VMTableBones />}>
          <VMTable
            {...shown}
            dim={shown !== wanted}
            sort={{ key, direction }}
            onSort={onSort}
            filtered={text !== ''}
            onClear={() => onText('')}
          />
        </Suspense>
      </div>
    </SelectionProvider>
  )
}
