import { formatMiB, sizeProblem } from '@/lib/units'

const MiB = 1024 ** 2

type Size = {
  readonly vcpus: number
  readonly vcpusMax: number
  readonly memoryMiB: number
  readonly memoryWantedMiB: number
  readonly memoryMaxMiB: number
}
export type Pending = readonly { readonly field: string; readonly current: string; readonly next: string }[]

/** What is wrong with a memory that was typed, by the API's own bounds. */
export function memoryProblem(text: string, least = 16 * MiB): string | undefined {
  return sizeProblem(text, least, 16 * MiB * MiB)
}

export function vcpusWords({ vcpus, vcpusMax }: Size): string {
  return `Has ${vcpus}; up to ${vcpusMax} while it runs`
}

/** The guest has another amount than it was given while its balloon moves, or when it declines to. */
export function memoryWords({ memoryMiB, memoryWantedMiB, memoryMaxMiB }: Size): string {
  return [
    `Given ${formatMiB(memoryWantedMiB)}`,
    memoryMiB !== memoryWantedMiB && `the guest has ${formatMiB(memoryMiB)} at present`,
    `up to ${formatMiB(memoryMaxMiB)} while it runs`,
  ]
    .filter(Boolean)
    .join('; ')
}

/** The sizes that an update can set, as they are while it runs. */
export function runningSize({ vcpus, vcpusMax, memoryWantedMiB, memoryMaxMiB }: Size) {
  return { vcpus, vcpusMax, memoryMiB: memoryWantedMiB, memoryMaxMiB }
}

/** What to ask for so that nothing of the size waits for the next start any more; null when nothing does. */
export function withdrawal(size: Size, pending: Pending) {
  const waiting = Object.entries(runningSize(size)).filter(([field]) => pending.some((each) => each.field === field))
  return waiting.length > 0 ? Object.fromEntries(waiting) : null
}
