import { describe, expect, test } from 'vitest'
import { formatAge, formatAgo, formatDuration } from './time'

const now = Date.parse('2026-03-01T12:00:00Z')

describe('ages', () => {
  test.each([
    ['2026-03-01T11:59:58Z', 'now'],
    ['2026-03-01T12:00:40Z', 'now'],
    ['2026-03-01T11:59:12Z', '48 s'],
    ['2026-03-01T11:57:00Z', '3 min'],
    ['2026-03-01T09:30:00Z', '2 h'],
    ['2026-02-17T12:00:00Z', '12 d'],
  ])('%s is %s', (time, age) => expect(formatAge(time, now)).toBe(age))

  test('in a sentence', () => {
    expect(formatAgo('2026-03-01T11:57:00Z', now)).toBe('3 min ago')
    expect(formatAgo('2026-03-01T12:00:00Z', now)).toBe('now')
  })

  test.each([
    [340, '340 ms'],
    [48_000, '48 s'],
    [180_000, '3 min'],
    [7_500_000, '2 h 5 min'],
    [7_200_000, '2 h'],
    [90_000_000, '1 d 1 h'],
    [2_592_000_000, '30 d'],
  ])('%d ms last %s', (ms, text) => expect(formatDuration(ms)).toBe(text))
})
