'use client'
import { TriangleAlert } from 'lucide-react'
import Link from 'next/link'
import { graphql, useFragment } from 'react-relay'
import type { HostCard_provider$data, HostCard_provider$key } from '@/__generated__/HostCard_provider.graphql'
import { paths } from '@/lib/paths'
import { sentence } from '@/lib/sentence'
import { plural } from '@/lib/units'
import { Age } from '@/ui/Age'
import { cx } from '@/ui/cx'
import { State } from '@/ui/State'
import { CONNECTION } from './status'
import { Utilization } from './Utilization'

/** The hosts behind a connection, a card each; the connection alone while it has told of none. */
export function HostCards({ provider: ref }: { provider: HostCard_provider$key }) {
  const provider = useFragment(
    graphql`
      fragment HostCard_provider on Provider {
        id
        name
        status
        statusSince
        lastSeenAt
        version
        encryption
        connectionUri
        problem {
          message
          remedy
        }
        hosts {
          id
          name
          asOf
          vmCount
          runningCount
          warnings
          capabilities {
            cpus
            versions {
              key
              value
            }
          }
          ...Utilization_host
        }
      }
    `,
    ref,
  )
  if (provider.hosts.length === 0) return <Card provider={provider} />
  return provider.hosts.map((host) => <Card key={host.id} provider={provider} host={host} />)
}

type Facts = HostCard_provider$data
type CardProps = { provider: Facts; host?: Facts['hosts'][number] }

/** One that does not answer keeps its last values, greyed, with their age. */
function Card({ provider, host }: CardProps) {
  const alone = provider.hosts.length < 2
  const well = provider.status === 'CONNECTED'
  const warnings = host?.warnings ?? []
  return (
    <li className="relative flex min-w-0 flex-col gap-4 rounded-lg border bg-surface p-4 has-[h2_a:hover]:border-edge">
      <div>
        <div className="flex items-baseline justify-between gap-3">
          <h2 className="min-w-0 truncate text-base font-semibold">
            {host ? (
              <Link
                href={paths.host(host.id)}
                prefetch={false}
                className="after:absolute after:inset-0 after:rounded-lg"
              >
                {alone ? provider.name : host.name}
              </Link>
            ) : (
              provider.name
            )}
          </h2>
          <State {...(CONNECTION[provider.status] ?? { tone: 'unknown', word: provider.status })} />
        </div>
        <p className="truncate text-xs text-soft">
          {!alone && <>{provider.name} · </>}
          {provider.connectionUri}
        </p>
      </div>
      {provider.problem && (
        <p className="rounded-md bg-bad-wash px-2.5 py-2 text-xs">
          <span className="font-medium">{sentence(provider.problem.message)}</span>{' '}
          <span className="text-soft">{sentence(provider.problem.remedy)}</span>
        </p>
      )}
      {host && (
        <>
          <p>
            <span className="text-lg font-semibold tracking-tight">{host.vmCount}</span>{' '}
            <span className="text-soft">
              {host.vmCount === 1 ? 'VM' : 'VMs'}
              {host.vmCount > 0 && `, ${host.runningCount} ${well ? 'running' : 'last known running'}`}
            </span>
          </p>
          <Utilization host={host} dim={!well} />
        </>
      )}
      {warnings.length > 0 && (
        <ul className="flex flex-col gap-1 text-xs text-warn">
          {warnings.map((warning) => (
            <li key={warning} className="flex gap-1.5">
              <TriangleAlert aria-hidden className="mt-0.5 size-3.5 shrink-0" />
              {sentence(warning)}
            </li>
          ))}
        </ul>
      )}
      <p className={cx('mt-auto flex flex-wrap justify-between gap-x-3 text-xs', well ? 'text-faint' : 'text-bad')}>
        <span className="text-faint">
          {host?.capabilities.versions.length
            ? host.capabilities.versions.map(({ key, value }) => `${key} ${value}`).join(' · ')
            : [provider.version, host && plural(host.capabilities.cpus, 'CPU')].filter(Boolean).join(' · ')}
        </span>
        {provider.lastSeenAt ? (
          <span>
            {well ? 'read' : 'last seen'} <Age of={well && host ? host.asOf : provider.lastSeenAt} />
          </span>
        ) : (
          <span>never seen</span>
        )}
      </p>
    </li>
  )
}
