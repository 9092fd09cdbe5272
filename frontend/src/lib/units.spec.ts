import { describe, expect, test } from 'vitest'
import { formatBytes, formatMiB, formatRate, parseSize, plural, sizeProblem } from './units'

describe('sizes', () => {
  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [21474836480, '20 GiB'],
    [1234567890, '1.15 GiB'],
    [2 ** 53, '8 PiB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))

  test('memory comes in MiB', () => {
    expect(formatMiB(512)).toBe('512 MiB')
    expect(formatMiB(6144)).toBe('6 GiB')
  })

  test('a rate that is not known is not zero', () => expect(formatRate(null)).toBe('–'))

  test.each([
    ['20', 21474836480],
    ['20G', 21474836480],
    ['1.5 TiB', 1649267441664],
    ['512 mb', 536870912],
    ['0,5', 536870912],
    ['20 apples', null],
    ['', null],
    ['-4', null],
  ])('reads %s', (text, bytes) => expect(parseSize(text)).toBe(bytes))

  test.each([
    ['20', undefined],
    ['64 TiB', undefined],
    ['abc', 'A size, as in 20, 512 MiB or 1 TiB.'],
    ['0', 'At least 1 MiB.'],
    ['65 TiB', 'At most 64 TiB.'],
    ['99999999999999999999', 'At most 64 TiB.'],
  ])('%s as the size of a disk', (text, problem) => expect(sizeProblem(text)).toBe(problem))

  test('counts in words', () => {
    expect(plural(1, 'VM')).toBe('1 VM')
    expect(plural(12480, 'VM')).toBe('12,480 VMs')
  })
})
