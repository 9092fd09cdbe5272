import { describe, expect, test } from 'vitest'
import { type Draft, EMPTY, inputOf, problemsOf, takesOf } from './draft'

const good: Draft = { ...EMPTY, provider: 'p1', name: 'web-01', image: 'i1' }
const networks = [
  { name: 'default', type: 'network' },
  { name: 'br0', type: 'bridge' },
]

describe('what is wrong before asking', () => {
  test('nothing with a host, a name and an image', () => expect(problemsOf(good)).toEqual({}))
  test('an empty form', () => expect(Object.keys(problemsOf(EMPTY))).toEqual(['name', 'provider', 'boot']))
  test.each(['-web', 'web 01', 'ü', 'x'.repeat(64)])('the name %s', (name) =>
    expect(problemsOf({ ...good, name }).name).toMatch(/63/),
  )
  test.each(['0', '-1', '2.5', '256', 'two'])('%s vCPUs', (vcpus) =>
    expect(problemsOf({ ...good, vcpus }).vcpus).toBeDefined(),
  )
  test('memory below what the API takes', () => {
    expect(problemsOf({ ...good, memory: '8 MiB' }).memoryMiB).toBeDefined()
    expect(problemsOf({ ...good, memory: '96 MiB' }).memoryMiB).toBeUndefined()
  })
  test('sizes that no disk and no memory has', () => {
    expect(problemsOf({ ...good, memory: '99999999999999999999' }).memoryMiB).toBe('At most 16 TiB.')
    expect(problemsOf({ ...good, bootSize: '0' }).boot).toBe('At least 1 MiB.')
    const disks = [{ key: 'a', kind: 'new' as const, size: '65 TiB', pool: '', volume: '', cdrom: false }]
    expect(problemsOf({ ...good, disks }).sizes).toEqual({ a: 'At most 64 TiB.' })
  })
  test('what it can grow to is at least what it begins with', () => {
    expect(problemsOf({ ...good, vcpusMax: '1', memoryMax: '1' })).toEqual({
      vcpusMax: 'A whole number from that of its vCPUs to 255.',
      memoryMaxMiB: 'At least 2 GiB.',
    })
    expect(problemsOf({ ...good, vcpusMax: '2', memoryMax: '2' })).toEqual({})
  })
  test('a private key is no public key', () => {
    expect(problemsOf({ ...good, sshKeys: '-----BEGIN OPENSSH PRIVATE KEY-----' }).sshKeys).toMatch(/no public key/)
    expect(problemsOf({ ...good, sshKeys: '# mine\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me' }).sshKeys).toBeUndefined()
  })
})

describe('what is sent', () => {
  test('what was left alone is left out', () => {
    expect(inputOf(good, networks, 'k')).toEqual({
      idempotencyKey: 'k',
      provider: 'p1',
      name: 'web-01',
      vcpus: 2,
      memoryMiB: 2048,
      disks: [{ image: 'i1', clone: 'COPY_ON_WRITE', format: 'qcow2', bus: 'virtio', readOnly: false, cdrom: false }],
      networks: [],
      firmware: 'BIOS',
      autostart: false,
      start: true,
    })
  })

  test('how far it can grow, where that is given', () =>
    expect(inputOf({ ...good, vcpusMax: '8', memoryMax: '16' }, networks, 'k')).toMatchObject({
      vcpusMax: 8,
      memoryMaxMiB: 16384,
    }))

  test('a bridge is told from a network, a CD-ROM from a disk', () => {
    const input = inputOf(
      {
        ...good,
        nics: [{ key: '1', network: 'br0', model: 'virtio' }],
        disks: [{ key: '1', kind: 'volume', size: '', pool: 'iso', volume: 'a.iso', cdrom: true }],
        sshKeys: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me\n',
      },
      networks,
      'k',
    )
    expect(input.networks).toEqual([{ type: 'bridge', network: 'br0', model: 'virtio' }])
    expect(input.disks[1]).toMatchObject({
      volume: { pool: 'iso', name: 'a.iso' },
      cdrom: true,
      bus: 'sata',
      readOnly: true,
    })
    expect(input.cloudInit?.sshKeys).toEqual(['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me'])
  })
})

describe('what it takes of a quota', () => {
  const GiB = 1024 ** 3
  test('the image’s size, where the disk has none or is smaller', () => {
    expect(takesOf(good, 10 * GiB)).toEqual({ VMS: 1, VCPUS: 2, MEMORY_MIB: 2048, DISK_MIB: 10 * 1024 })
    expect(takesOf({ ...good, bootSize: '40' }, 10 * GiB).DISK_MIB).toBe(40 * 1024)
  })
  test('each new disk; a volume that is there takes nothing yet', () => {
    const disk = { key: 'a', kind: 'new' as const, size: '20', pool: '', volume: '', cdrom: false }
    const disks = [disk, { ...disk, key: 'b', kind: 'volume' as const, volume: 'data.qcow2' }]
    expect(takesOf({ ...good, disks }, GiB).DISK_MIB).toBe(21 * 1024)
  })
  test('nothing of what cannot be read', () =>
    expect(takesOf({ ...good, vcpus: 'two', memory: 'much' })).toMatchObject({ VCPUS: 0, MEMORY_MIB: 0 }))
})
