const STEPS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** Bytes in the largest unit that keeps the number at least 1; three digits that count. */
export function formatBytes(bytes: number): string {
  let unit = 0
  let value = bytes
  while (value >= 1024 && unit < STEPS.length - 1) {
    value /= 1024
    unit++
  }
  return `${digits(value)} ${STEPS[unit]}`
}

export function formatMiB(mib: number): string {
  return formatBytes(mib * 1024 * 1024)
}

export function formatRate(bytesPerSecond: number | null | undefined): string {
  return bytesPerSecond == null ? '–' : `${formatBytes(bytesPerSecond)}/s`
}

export function formatPercent(percent: number | null | undefined): string {
  return percent == null ? '–' : `${Math.round(percent)} %`
}

export function formatCount(count: number): string {
  return count.toLocaleString('en')
}

/** `vCPUs` for 2, `vCPU` for 1. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

const FACTOR: Record<string, number> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 }

/** Reads `20G`, `1.5 TiB`, `512 mb`; a bare number is in `unit`. Null when it is no size. */
export function parseSize(text: string, unit: 'B' | 'M' | 'G' = 'G'): number | null {
  const match = /^\s*(\d+(?:[.,]\d+)?)\s*([kmgt]?)(?:i?b)?\s*$/i.exec(text)
  if (!match) return null
  const factor = FACTOR[(match[2] || unit).toLowerCase()]
  return factor === undefined ? null : Math.round(Number(match[1]?.replace(',', '.')) * factor)
}

/** The largest disk of the API. More is a slip of the hand, and no number that it could read. */
const LARGEST = 64 * 1024 ** 4

/** What is wrong with a size that was typed, in the words of its field; undefined when nothing is. */
export function sizeProblem(text: string, least = 1024 ** 2, most = LARGEST): string | undefined {
  const bytes = parseSize(text)
  if (bytes === null) return 'A size, as in 20, 512 MiB or 1 TiB.'
  if (bytes < least) return `At least ${formatBytes(least)}.`
  return bytes > most ? `At most ${formatBytes(most)}.` : undefined
}

function digits(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return String(Math.round(value))
  return value.toFixed(value >= 10 ? 1 : 2).replace(/\.?0+$/, '')
}
