import { expect, test } from 'vitest'
import { memoryWords, vcpusWords, withdrawal } from './size'

const size = { vcpus: 2, vcpusMax: 4, memoryMiB: 266, memoryWantedMiB: 32, memoryMaxMiB: 4096 }

test('what was given, what the guest has, and how far it can grow', () => {
  expect(vcpusWords(size)).toBe('Has 2; up to 4 while it runs')
  expect(memoryWords(size)).toBe('Given 32 MiB; the guest has 266 MiB at present; up to 4 GiB while it runs')
  expect(memoryWords({ ...size, memoryMiB: 32 })).toBe('Given 32 MiB; up to 4 GiB while it runs')
})

test('what waits is withdrawn by asking for what runs', () => {
  const pending = [
    { field: 'vcpus', current: '2', next: '8' },
    { field: 'memoryMiB', current: '266 MiB', next: '8192 MiB' },
    { field: 'machine', current: 'a', next: 'b' },
  ]
  expect(withdrawal(size, pending)).toEqual({ vcpus: 2, memoryMiB: 32 })
  expect(withdrawal(size, pending.slice(2))).toBeNull()
})
