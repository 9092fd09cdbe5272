import { expect, test } from 'vitest'
import { beyond, type Line, limitOf, standing, written } from './quota'

const vcpus = (limit: number | null, inUse: number): Line => ({ counted: 'VCPUS', limit, inUse })
const memory = (limit: number | null, inUse: number): Line => ({ counted: 'MEMORY_MIB', limit, inUse })

test.each([
  [vcpus(40, 12), '12 of 40'],
  [vcpus(0, 0), '0 of 0'],
  [vcpus(null, 1200), '1,200, no limit'],
  [memory(64 * 1024, 1536), '1.5 GiB of 64 GiB'],
])('%j is told as %s', (line, told) => expect(standing(line)).toBe(told))

test.each<[string, Line, number, string | undefined]>([
  ['up to the limit', vcpus(40, 38), 2, undefined],
  ['one more', vcpus(40, 38), 3, 'Your organisation’s quota leaves 2.'],
  ['any number without a limit', vcpus(null, 38), 255, undefined],
  ['nothing, however much too much there is', vcpus(40, 44), 0, undefined],
  ['one where there is too much', vcpus(40, 44), 1, 'Your organisation’s quota is used up: 44 of 40 are in use.'],
])('who takes %s', (_, line, more, told) => expect(beyond([line], { VCPUS: more }).VCPUS).toBe(told))

test('what a VM does not take is never too much', () => expect(beyond([vcpus(1, 9)], { MEMORY_MIB: 1 })).toEqual({}))

test.each([0, 1, 512, 1024, 1536, 64 * 1024, 3 * 1024 ** 2])(
  'a limit of %i MiB is written so that it is read again',
  (limit) => expect(limitOf('MEMORY_MIB', written(memory(limit, 0)))).toBe(limit),
)

test.each([
  ['VCPUS', ' ', null],
  ['VCPUS', '0', 0],
  ['VCPUS', '-1', undefined],
  ['VCPUS', '2.5', undefined],
  ['VCPUS', '99999999999999999999', undefined],
  ['DISK_MIB', '2 TiB', 2 * 1024 ** 2],
  ['DISK_MIB', '20', 20 * 1024],
  ['DISK_MIB', 'much', undefined],
] as const)('a limit of %s typed as “%s” is %s', (counted, text, limit) => expect(limitOf(counted, text)).toBe(limit))
