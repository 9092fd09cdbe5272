'use client'
import { useEffect, useState } from 'react'
import { fetchQuery, graphql, useRelayEnvironment } from 'react-relay'
import type { usageQuery } from '@/__generated__/usageQuery.graphql'

export type Usage = { cpuPercent: number | null; address: string | null; more: number }

const EVERY = 10_000
const none: ReadonlyMap<string, Usage> = new Map()

const query = graphql`
  query usageQuery($filter: VMFilter!, $first: Int!) {
    vms(first: $first, filter: $filter) {
      edges {
        node {
          id
          addresses {
            address
          }
          metrics {
            cpuPercent
          }
        }
      }
    }
  }
`

/**
 * What hosts have to be asked for — load and addresses — of the rows on the screen alone, apart from
 * the list, so that a slow host never holds it up.
 */
export function useUsage(ids: readonly string[]): ReadonlyMap<string, Usage> {
  const environment = useRelayEnvironment()
  const [usage, setUsage] = useState(none)
  const key = ids.join(' ')
  useEffect(() => {
    if (!key) return
    const asked = key.split(' ')
    let alive = true
    const read = () => {
      if (document.hidden) return
      fetchQuery<usageQuery>(environment, query, { filter: { ids: asked }, first: asked.length }).subscribe({
        next: ({ vms }) => {
          if (!alive) return
          setUsage((before) => {
            const after = new Map(before)
            for (const { node } of vms.edges) after.set(node.id, usageOf(node))
            return after
          })
        },
        // Rows without these values are whole rows all the same.
        error: () => {},
      })
    }
    const first = setTimeout(read, 120)
    const timer = setInterval(read, EVERY)
    return () => {
      alive = false
      clearTimeout(first)
      clearInterval(timer)
    }
  }, [environment, key])
  return usage
}

type Node = usageQuery['response']['vms']['edges'][number]['node']

function usageOf({ addresses, metrics }: Node): Usage {
  const told = (addresses ?? []).filter(({ address }) => !address.startsWith('fe80:') && address !== '127.0.0.1')
  return {
    cpuPercent: metrics?.cpuPercent ?? null,
    address: told[0]?.address ?? null,
    more: Math.max(0, told.length - 1),
  }
}
