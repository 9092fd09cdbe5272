'use client'
import { QuotaRoom } from '@/features/quota/QuotaRoom'
import type { Amount, Line } from '@/features/quota/quota'
import { formatBytes, formatMiB, parseSize, plural } from '@/lib/units'
import { useMayNot } from '@/relay/use-may'
import { Button } from '@/ui/Button'
import { Meter } from '@/ui/Meter'
import type { ImageChoice } from './CreateVMPage'
import { type Draft, keysOf } from './draft'
import type { Place } from './places'

type Props = {
  draft: Draft
  place: Place | undefined
  image: ImageChoice | undefined
  quota: readonly Line[]
  takes: Amount
  busy: boolean
}

/** What is about to be made, and what its host has left after it. */
export function Summary({ draft, place, image, quota, takes, busy }: Props) {
  const mayNot = useMayNot('OPERATOR')
  const memory = (parseSize(draft.memory) ?? 0) / 1024 ** 2
  const vcpus = Number(draft.vcpus) || 0
  const keys = keysOf(draft.sshKeys).length
  const size = draft.bootSize.trim() ? parseSize(draft.bootSize) : image?.capacityBytes
  const lines = [
    place && `at ${place.name}`,
    `${plural(vcpus, 'vCPU')}, ${formatMiB(memory)} memory`,
    image
      ? `${image.os || image.name}${size ? `, ${formatBytes(size)} disk` : ''}`
      : size
        ? `an empty disk of ${formatBytes(size)}`
        : 'no image yet',
    draft.disks.length > 0 && plural(draft.disks.length, 'more disk'),
    draft.nics.length ? `on ${draft.nics.map((nic) => nic.network).join(', ')}` : 'on no network',
    keys > 0 ? plural(keys, 'SSH key') : image ? 'no SSH key' : '',
  ].filter(Boolean)
  const { memoryTotalMiB = 0, memoryAllocatedMiB = 0, vcpusAllocated = 0 } = place ?? {}
  const promised = memoryAllocatedMiB + memory
  return (
    <aside aria-label="Summary" className="min-w-0">
      <div className="sticky top-4 flex flex-col gap-4 rounded-lg border bg-surface p-4">
        <div>
          <h2 className="font-semibold wrap-anywhere">{draft.name || 'A virtual machine'}</h2>
          <ul className="mt-1 text-soft">
            {lines.map((line) => (
              <li key={String(line)}>{line}</li>
            ))}
          </ul>
        </div>
        {place && (
          <div className="flex flex-col gap-3 border-t pt-3">
            <p className="text-xs text-soft">Given out on {place.name} with it</p>
            <Meter
              label="Memory"
              value={promised}
              max={memoryTotalMiB}
              text={`${formatMiB(promised)} of ${formatMiB(memoryTotalMiB)}`}
            />
            <p className="flex justify-between text-xs">
              <span className="text-soft">vCPUs</span>
              <span>
                {vcpusAllocated + vcpus} on {plural(place.cpus, 'CPU')}
              </span>
            </p>
            {promised > memoryTotalMiB && (
              <p className="text-xs text-warn">More memory than the host has: it may not start.</p>
            )}
          </div>
        )}
        <QuotaRoom lines={quota} takes={takes} />
        <Button type="submit" look="primary" busy={busy} disabledReason={mayNot}>
          Create VM
        </Button>
      </div>
    </aside>
  )
}
