import { expect, test } from 'vitest'
import { bootDisk, canGrow } from './disk'

const disk = { device: 'disk', readOnly: false, seed: false }

test.each([
  ['a disk', disk, true],
  ['a CD-ROM drive', { ...disk, device: 'cdrom' }, false],
  ['a disk that is only read', { ...disk, readOnly: true }, false],
  ['a seed on a disk', { ...disk, seed: true }, false],
])('%s grows: %o %s', (_, facts, can) => expect(canGrow(facts)).toBe(can))

test('a VM boots from its first disk, not from a drive before it', () => {
  const drives = [
    { ...disk, name: 'sda', device: 'cdrom' },
    { ...disk, name: 'vda' },
    { ...disk, name: 'vdb' },
  ]
  expect(bootDisk(drives)).toBe('vda')
  expect(bootDisk(drives.slice(0, 1))).toBeUndefined()
})
