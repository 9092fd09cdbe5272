'use client'
import { Suspense, useState } from 'react'
import { graphql, useFragment, useLazyLoadQuery } from 'react-relay'
import type { StoragePools_host$key } from '@/__generated__/StoragePools_host.graphql'
import type { StoragePoolsVolumesQuery } from '@/__generated__/StoragePoolsVolumesQuery.graphql'
import { Boundary } from '@/features/shell/Boundary'
import { formatBytes, formatCount, plural } from '@/lib/units'
import { Button } from '@/ui/Button'
import { Meter } from '@/ui/Meter'
import { Bone, Section } from '@/ui/page'
import { State } from '@/ui/State'

/** Places for disks; the volumes of one are read from the host when it is opened. */
export function StoragePools({ host: ref }: { host: StoragePools_host$key }) {
  const host = useFragment(
    graphql`
      fragment StoragePools_host on HypervisorHost {
        id
        storagePools {
          name
          type
          active
          path
          capacityBytes
          freeBytes
        }
      }
    `,
    ref,
  )
  const [open, setOpen] = useState<string | null>(null)
  return (
    <Section title="Storage">
      {host.storagePools.length === 0 && <p className="text-soft">It has no pools.</p>}
      <ul>
        {host.storagePools.map((pool) => (
          <li key={pool.name} className="border-b border-line/70 py-3 last:border-0">
            <div className="grid items-center gap-x-8 gap-y-2 md:grid-cols-[1fr_14rem_auto]">
              <div className="min-w-0">
                <p>
                  <span className="font-medium">{pool.name}</span> <span className="text-soft">{pool.type}</span>{' '}
                  {!pool.active && <State tone="idle" word="Not active" />}
                </p>
                <p className="truncate text-xs text-soft">{pool.path}</p>
              </div>
              <Meter
                label="Space"
                value={pool.capacityBytes - pool.freeBytes}
                max={pool.capacityBytes}
                text={`${formatBytes(pool.freeBytes)} free of ${formatBytes(pool.capacityBytes)}`}
              />
              <Button
                size="sm"
                aria-expanded={open === pool.name}
                aria-label={`Volumes of ${pool.name}`}
                onClick={() => setOpen(open === pool.name ? null : pool.name)}
              >
                Volumes
              </Button>
            </div>
            {open === pool.name && (
              <Boundary>
                <Suspense fallback={<Bone className="mt-3 h-16" />}>
                  <Volumes host={host.id} pool={pool.name} />
                </Suspense>
              </Boundary>
            )}
          </li>
        ))}
      </ul>
    </Section>
  )
}

const MANY = 50

function Volumes({ host, pool }: { host: string; pool: string }) {
  const { hypervisorHost } = useLazyLoadQuery<StoragePoolsVolumesQuery>(
    graphql`
      query StoragePoolsVolumesQuery($host: ID!, $pool: String!) {
        hypervisorHost(id: $host) {
          id
          storagePool(name: $pool) {
            volumes {
              name
              format
              capacityBytes
              usedBytes
              backing
            }
          }
        }
      }
    `,
    { host, pool },
    { fetchPolicy: 'network-only' },
  )
  const [all, setAll] = useState(false)
  const volumes = hypervisorHost?.storagePool?.volumes
  if (!volumes) return <p className="mt-2 text-soft">The host does not answer now.</p>
  if (volumes.length === 0) return <p className="mt-2 text-soft">The pool is empty.</p>
  const shown = all ? volumes : volumes.slice(0, MANY)
  return (
    <>
      <table className="mt-3 w-full text-xs">
        <caption className="sr-only">Volumes of {pool}</caption>
        <thead className="text-left text-soft">
          <tr>
            <th className="py-1 font-normal">{plural(volumes.length, 'volume')}</th>
            <th className="py-1 font-normal max-sm:hidden">Format</th>
            <th className="py-1 text-right font-normal">Size</th>
            <th className="py-1 text-right font-normal">Takes</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((volume) => (
            <tr key={volume.name} className="border-t border-line/60">
              <td className="py-1 wrap-anywhere">
                {volume.name}
                {volume.backing && <span className="text-soft"> on {volume.backing.split('/').pop()}</span>}
              </td>
              <td className="py-1 text-soft max-sm:hidden">{volume.format}</td>
              <td className="py-1 text-right whitespace-nowrap">{formatBytes(volume.capacityBytes)}</td>
              <td className="py-1 text-right whitespace-nowrap">{formatBytes(volume.usedBytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {!all && volumes.length > MANY && (
        <Button size="sm" className="mt-2" onClick={() => setAll(true)}>
          All {formatCount(volumes.length)}
        </Button>
      )}
    </>
  )
}
