'use client'
import { Plus, Server } from 'lucide-react'
import Link from 'next/link'
import { graphql } from 'react-relay'
import type { HostListPageQuery } from '@/__generated__/HostListPageQuery.graphql'
import { paths } from '@/lib/paths'
import { useMayNot } from '@/relay/use-may'
import { useReading } from '@/relay/use-reading'
import { Button } from '@/ui/Button'
import { Empty, PageBody, PageHeader } from '@/ui/page'
import { HostCards } from './HostCard'
import { useLiveHosts } from './live-hosts'

const query = graphql`
  query HostListPageQuery {
    providers {
      id
      ...HostCard_provider
    }
  }
`

/** Whatever runs VMs, one card each. */
export function HostListPage() {
  const fetchKey = useLiveHosts()
  const mayNot = useMayNot('ADMIN')
  const { providers } = useReading<HostListPageQuery>(query, {}, fetchKey)
  const add = (
    <Button
      look="primary"
      icon={<Plus aria-hidden className="size-4" />}
      link={<Link href={paths.newHost()} />}
      disabledReason={mayNot}
    >
      Add a host
    </Button>
  )
  return (
    <>
      <PageHeader title="Hosts" note="Whatever runs virtual machines for you." actions={providers.length > 0 && add} />
      <PageBody>
        {providers.length === 0 ? (
          <Empty icon={<Server aria-hidden />} title="No hosts yet" action={add}>
            Connect the first: its VMs show here at once, and nothing in them changes.
          </Empty>
        ) : (
          <ul
            aria-label="Hosts"
            className="grid gap-4 [grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr))]"
          >
            {providers.map((provider) => (
              <HostCards key={provider.id} provider={provider} />
            ))}
          </ul>
        )}
      </PageBody>
    </>
  )
}
