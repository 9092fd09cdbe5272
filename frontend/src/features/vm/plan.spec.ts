import { describe, expect, test } from 'vitest'
import { applyOffer, fieldName, fieldValue, type Impact } from './plan'

const change = (impact: Impact, field = 'vcpus') => ({ field, impact, current: '2', wanted: '4', reason: 'So it is.' })

describe('what a plan offers', () => {
  test('nothing', () => expect(applyOffer('NONE', []).reason).toBe('Nothing would change.'))
  test('live', () =>
    expect(applyOffer('LIVE', [change('LIVE')])).toEqual({
      label: 'Apply now',
      note: 'All of it reaches the VM while it runs.',
    }))
  test('all later', () => expect(applyOffer('RESTART', [change('RESTART')]).label).toBe('Apply with the next start'))
  test('some later', () =>
    expect(applyOffer('RESTART', [change('LIVE'), change('RESTART', 'memoryMiB')]).note).toMatch(/^Some of it at once/))
  test('one impossible field blocks it, and is named', () => {
    expect(applyOffer('IMPOSSIBLE', [change('LIVE'), change('IMPOSSIBLE', 'disks.vda')]).reason).toBe(
      'Disk vda: So it is.',
    )
  })
})

test('fields by the names of people', () => {
  expect(['vcpus', 'memoryMiB', 'disks.vdb', 'disks.vda.capacityBytes', 'other'].map(fieldName)).toEqual([
    'vCPUs',
    'Memory',
    'Disk vdb',
    'Disk vda',
    'other',
  ])
  expect(fieldValue('memoryMiB', '4096')).toBe('4 GiB')
  expect(fieldValue('disks.vda', '20 GiB')).toBe('20 GiB')
  expect(fieldValue('disks.vda.capacityBytes', '322122547 bytes')).toBe('307 MiB')
  expect(fieldValue('disks.vda', '0.125 GiB')).toBe('128 MiB')
  expect(fieldValue('disks.vda', 'attached')).toBe('attached')
  expect(fieldValue('vcpus', '4')).toBe('4')
})
