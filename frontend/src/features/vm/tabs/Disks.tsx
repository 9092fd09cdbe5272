'use client'
import { Plus } from 'lucide-react'
import Link from 'next/link'
import { useState } from 'react'
import { graphql, useFragment } from 'react-relay'
import type { Disks_vm$data, Disks_vm$key } from '@/__generated__/Disks_vm.graphql'
import type { DisksQuery } from '@/__generated__/DisksQuery.graphql'
import { paths } from '@/lib/paths'
import { formatBytes } from '@/lib/units'
import { useReading } from '@/relay/use-reading'
import { Button } from '@/ui/Button'
import { Meter } from '@/ui/Meter'
import { Section } from '@/ui/page'
import { AttachDiskDialog } from '../AttachDiskDialog'
import { DetachDiskDialog } from '../DetachDiskDialog'
import { bootDisk, canGrow } from '../disk'
import { whyNot } from '../verbs'

export type DiskFacts = Disks_vm$data['configuration']['disks'][number]

/** The drives of a VM. */
export function Disks({ id }: { id: string }) {
  const { vm } = useReading<DisksQuery>(
    graphql`
      query DisksQuery($id: ID!) {
        vm(id: $id) {
          ...Disks_vm
        }
      }
    `,
    { id },
  )
  return vm ? <List vm={vm} /> : null
}

function List({ vm: ref }: { vm: Disks_vm$key }) {
  const vm = useFragment(
    graphql`
      fragment Disks_vm on VM {
        id
        name
        status
        provider {
          id
        }
        configuration {
          disks {
            name
            device
            bus
            format
            pool
            volume
            path
            backing
            capacityBytes
            usedBytes
            readOnly
            seed
          }
        }
        actions {
          name
          allowed
          reason
          remedy
        }
      }
    `,
    ref,
  )
  const [attaching, setAttaching] = useState(false)
  const [leaving, setLeaving] = useState<DiskFacts | null>(null)
  const noAttach = whyNot(vm.actions, 'attachDisk')
  const noDetach = whyNot(vm.actions, 'detachDisk')
  return (
    <Section
      title="Disks"
      actions={
        <Button
          size="sm"
          icon={<Plus aria-hidden className="size-3.5" />}
          disabledReason={noAttach}
          onClick={() => setAttaching(true)}
        >
          Attach a disk
        </Button>
      }
    >
      <ul>
        {vm.configuration.disks.map((disk) => (
          <li
            key={disk.name}
            className="grid gap-x-8 gap-y-2 border-b border-line/70 py-3 last:border-0 md:grid-cols-[1fr_16rem_auto] md:items-center"
          >
            <div className="min-w-0">
              <p>
                <span className="font-medium">{disk.name}</span>{' '}
                <span className="text-soft">
                  {[what(disk), disk.bus, disk.format, disk.readOnly && 'read-only'].filter(Boolean).join(' · ')}
                </span>
              </p>
              <p className="text-xs text-soft wrap-anywhere">
                {disk.volume ? `${disk.volume} in ${disk.pool}` : disk.path || 'Empty'}
                {disk.backing && <> · an overlay of {disk.backing.split('/').pop()}</>}
              </p>
            </div>
            {disk.path && !disk.seed ? (
              <Meter
                label="At the host"
                value={disk.usedBytes}
                max={disk.capacityBytes}
                text={
                  disk.usedBytes
                    ? `${formatBytes(disk.usedBytes)} of ${formatBytes(disk.capacityBytes)}`
                    : formatBytes(disk.capacityBytes)
                }
              />
            ) : (
              <span className="max-md:hidden" />
            )}
            <div className="flex gap-2">
              {canGrow(disk) && (
                <Button
                  size="sm"
                  aria-label={`Grow ${disk.name}`}
                  disabledReason={whyNot(vm.actions, 'updateVM')}
                  link={
                    whyNot(vm.actions, 'updateVM') ? undefined : (
                      <Link href={paths.vm(vm.id, 'settings')} prefetch={false} scroll={false} />
                    )
                  }
                >
                  Grow
                </Button>
              )}
              <Button
                size="sm"
                aria-label={`Detach ${disk.name}`}
                disabledReason={noDetach}
                onClick={() => setLeaving(disk)}
              >
                Detach
              </Button>
            </div>
          </li>
        ))}
      </ul>
      {vm.configuration.disks.length === 0 && <p className="text-soft">It has no disks.</p>}
      {attaching && <AttachDiskDialog vm={vm} provider={vm.provider.id} onClose={() => setAttaching(false)} />}
      {leaving && (
        <DetachDiskDialog
          vm={vm}
          disk={leaving}
          boots={leaving.name === bootDisk(vm.configuration.disks)}
          onClose={() => setLeaving(null)}
        />
      )}
    </Section>
  )
}

function what({ device, seed }: DiskFacts) {
  if (seed) return 'cloud-init seed'
  return device === 'cdrom' ? 'CD-ROM drive' : device
}
