'use client'
import { graphql, useFragment } from 'react-relay'
import type { Utilization_host$key } from '@/__generated__/Utilization_host.graphql'
import { formatBytes, formatMiB, formatPercent } from '@/lib/units'
import { Meter } from '@/ui/Meter'

/** What is used of a host; the tick on memory is what its running VMs were promised. */
export function Utilization({ host: ref, dim }: { host: Utilization_host$key; dim?: boolean }) {
  const host = useFragment(
    graphql`
      fragment Utilization_host on HypervisorHost {
        resourceUtilization {
          cpuPercent
          memoryUsedMiB
          memoryTotalMiB
          memoryAllocatedMiB
          storageUsedBytes
          storageTotalBytes
        }
      }
    `,
    ref,
  )
  const { cpuPercent, memoryUsedMiB, memoryTotalMiB, memoryAllocatedMiB, storageUsedBytes, storageTotalBytes } =
    host.resourceUtilization
  return (
    <div className="flex flex-col gap-2.5">
      <Meter label="CPU" value={cpuPercent ?? null} max={100} text={formatPercent(cpuPercent)} dim={dim} />
      <Meter
        label="Memory"
        value={memoryUsedMiB}
        max={memoryTotalMiB}
        mark={memoryAllocatedMiB}
        markText={`${formatMiB(memoryAllocatedMiB)} promised to running VMs`}
        text={`${formatMiB(memoryUsedMiB)} of ${formatMiB(memoryTotalMiB)}`}
        dim={dim}
      />
      <Meter
        label="Storage"
        value={storageUsedBytes}
        max={storageTotalBytes}
        text={`${formatBytes(storageUsedBytes)} of ${formatBytes(storageTotalBytes)}`}
        dim={dim}
      />
    </div>
  )
}
