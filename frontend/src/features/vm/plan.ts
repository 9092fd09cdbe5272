import { sentence } from '@/lib/sentence'
import { formatBytes, formatMiB, parseSize } from '@/lib/units'

export type Impact = 'NONE' | 'LIVE' | 'RESTART' | 'IMPOSSIBLE'
export type PlannedChange = {
  readonly field: string
  readonly current: string
  readonly wanted: string
  readonly impact: Impact
  readonly reason: string
}

const NAMES: Record<string, string> = {
  vcpus: 'vCPUs',
  vcpusMax: 'vCPUs at most',
  memoryMiB: 'Memory',
  memoryMaxMiB: 'Memory at most',
  description: 'Description',
  tags: 'Labels',
  autostart: 'Starts with host',
}

/** What people call a field of the API: `disks.vda` is `Disk vda`. */
export function fieldName(field: string): string {
  const disk = /^disks\.(\w+)/.exec(field)
  return disk ? `Disk ${disk[1]}` : (NAMES[field] ?? field)
}

/** Sizes come as bare MiB, as `322122547 bytes`, as `0.125 GiB`: people read all of them in the unit that suits. */
export function fieldValue(field: string, value: string): string {
  if (/^memory/.test(field) && /^\d+$/.test(value)) return formatMiB(Number(value))
  if (!/^(memory|disks\.)/.test(field)) return value
  const bytes = parseSize(value.replace(/ bytes?$/, 'B'), 'B')
  return bytes === null ? value : formatBytes(bytes)
}

/** What the button that applies a plan says, and why it cannot be pressed when it cannot. */
export function applyOffer(
  impact: Impact,
  changes: readonly PlannedChange[],
): { label: string; reason?: string; note?: string } {
  const moving = changes.filter((change) => change.impact !== 'NONE')
  if (moving.length === 0 || impact === 'NONE') return { label: 'Apply', reason: 'Nothing would change.' }
  const impossible = moving.find((change) => change.impact === 'IMPOSSIBLE')
  if (impossible) return { label: 'Apply', reason: `${fieldName(impossible.field)}: ${sentence(impossible.reason)}` }
  const later = moving.filter((change) => change.impact === 'RESTART').length
  if (later === 0) return { label: 'Apply now', note: 'All of it reaches the VM while it runs.' }
  if (later === moving.length)
    return { label: 'Apply with the next start', note: 'The VM runs on as it is until then.' }
  return { label: 'Apply', note: 'Some of it at once, the rest with the next start.' }
}
