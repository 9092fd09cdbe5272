import { formatCount, formatMiB, parseSize } from '@/lib/units'

export const COUNTED = {
  VMS: 'VMs',
  VCPUS: 'vCPUs',
  MEMORY_MIB: 'Memory',
  DISK_MIB: 'Disks',
  SNAPSHOTS: 'Snapshots',
} as const

export type Counted = keyof typeof COUNTED
export type Line = { readonly counted: Counted; readonly limit: number | null | undefined; readonly inUse: number }
/** How much of each a VM takes. */
export type Amount = Partial<Record<Counted, number>>

export const isSize = (counted: Counted) => counted === 'MEMORY_MIB' || counted === 'DISK_MIB'

/** So many in words: `12`, `31 GiB`. */
export const amount = (counted: Counted, value: number) => (isSize(counted) ? formatMiB(value) : formatCount(value))

/** How a line stands in words: `12 of 20`, `12, no limit`. */
export const standing = ({ counted, limit, inUse }: Line) =>
  limit == null ? `${amount(counted, inUse)}, no limit` : `${amount(counted, inUse)} of ${amount(counted, limit)}`

/** What would be too much, in the words of its field: only what takes something can be. */
export function beyond(lines: readonly Line[], takes: Amount): Partial<Record<Counted, string>> {
  const problems: Partial<Record<Counted, string>> = {}
  for (const { counted, limit, inUse } of lines) {
    const more = takes[counted] ?? 0
    if (limit == null || more <= 0 || inUse + more <= limit) continue
    const left = Math.max(0, limit - inUse)
    problems[counted] =
      left === 0
        ? `Your organisation’s quota is used up: ${amount(counted, inUse)} of ${amount(counted, limit)} are in use.`
        : `Your organisation’s quota leaves ${amount(counted, left)}.`
  }
  return problems
}

const MIB = 1024 ** 2
const LARGEST = Number.MAX_SAFE_INTEGER

/** A limit as it is typed: sizes with their unit, empty for none. */
export const written = ({ counted, limit }: Line) =>
  limit == null ? '' : isSize(counted) ? formatWhole(limit) : `${limit}`

/** In the largest unit in which it is a whole number, so that reading it back gives the same. */
function formatWhole(mib: number): string {
  const units = ['MiB', 'GiB', 'TiB']
  let value = mib
  let unit = 0
  while (value > 0 && value % 1024 === 0 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${value} ${units[unit]}`
}

/** A limit as it was typed: null for none, undefined when it is no number of that kind. */
export function limitOf(counted: Counted, text: string): number | null | undefined {
  if (!text.trim()) return null
  if (!isSize(counted)) return /^\d+$/.test(text.trim()) && Number(text) <= LARGEST ? Number(text) : undefined
  const bytes = parseSize(text)
  return bytes === null || bytes > LARGEST ? undefined : Math.floor(bytes / MIB)
}
