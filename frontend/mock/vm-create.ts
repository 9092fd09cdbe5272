import { type DB, GiB, newId, now, type VM } from './db'
import { settle } from './power'
import { room } from './quota'
import { refuse } from './rules'
import { makeDisk, makeNIC } from './seed-vms'
import type { World } from './world'

export type DiskIn = {
  image?: string
  volume?: { pool: string; name: string }
  pool?: string
  capacityBytes?: number
  format?: string
  bus?: string
  readOnly?: boolean
  cdrom?: boolean
}
export type CreateVM = {
  provider: string
  name: string
  description?: string
  vcpus: number
  vcpusMax?: number
  memoryMiB: number
  memoryMaxMiB?: number
  disks: DiskIn[]
  networks?: { network?: string }[]
  tags?: VM['tags']
  firmware: string
  start: boolean
}
export type UpdateVM = {
  id: string
  ifVersion?: number
  vcpus?: number
  vcpusMax?: number
  memoryMiB?: number
  memoryMaxMiB?: number
  disks?: { name: string; capacityBytes: number }[]
  description?: string
  tags?: VM['tags']
  allowRestart?: boolean
}

export function diskOf(db: DB, vm: string, name: string, disk: DiskIn) {
  const image = disk.image ? db.images.get(disk.image) : undefined
  const volume = disk.volume?.name ?? `${vm}-${name}.qcow2`
  return makeDisk(name, volume, disk.capacityBytes ?? image?.capacityBytes ?? 10 * GiB, {
    backing: image ? `/var/lib/libvirt/images/${image.volume}` : '',
    pool: disk.pool ?? 'default',
    device: disk.cdrom ? 'cdrom' : 'disk',
  })
}

export function create(world: World, input: CreateVM) {
  const { db } = world
  if (!/^[a-z0-9][\w.-]{0,62}$/i.test(input.name))
    refuse('INVALID', 'A name has 1 to 63 letters, digits, -, _ or . and begins with a letter or digit.', {
      field: 'name',
    })
  const taken = [...db.vms.values()].some((vm) => vm.name === input.name && vm.providerId === input.provider)
  if (taken)
    refuse('EXISTS', `${db.providers.get(input.provider)?.name} has a VM ${input.name} already.`, {
      field: 'name',
      remedy: 'Choose another name.',
    })
  if (input.memoryMiB > 1_000_000)
    refuse('EXHAUSTED', 'The host does not have that much memory.', { field: 'memoryMiB' })
  room(db, input)
  const model = [...db.vms.values()][0] as VM
  const vm: VM = {
    ...structuredClone(model),
    id: newId('vm'),
    name: input.name,
    description: input.description ?? '',
    providerId: input.provider,
    management: 'MANAGED',
    status: 'PROVISIONING',
    observedStatus: 'UNKNOWN',
    statusReason: '',
    vcpus: input.vcpus,
    vcpusMax: input.vcpusMax ?? input.vcpus * 2,
    memoryMiB: input.memoryMiB,
    memoryMaxMiB: input.memoryMaxMiB ?? input.memoryMiB * 2,
    disks: input.disks.map((disk, index) => diskOf(db, input.name, `vd${'abcdefgh'[index]}`, disk)),
    networks: (input.networks ?? [{}]).map((nic) => makeNIC(Math.floor(Math.random() * 999), nic.network ?? 'default')),
    tags: input.tags ?? [],
    snapshots: [],
    ip: '',
    version: 1,
    createdAt: now(),
    pendingChanges: [],
  }
  vm.hypervisorConfig.firmware = input.firmware
  db.vms.set(vm.id, vm)
  world.touch(vm, 'ADDED')
  const work = [
    { name: 'Make the disks', ms: 3200 },
    { name: 'Write the cloud-init seed', ms: 500 },
    { name: 'Define the VM', ms: 500, done: () => settle(world, vm, 'STOPPED') },
    ...(input.start ? [{ name: 'Boot it', ms: 1800, done: () => settle(world, vm, 'RUNNING') }] : []),
  ]
  return { operation: world.begin({ kind: 'CREATE_VM', target: vm, work, undo: () => world.forget(vm) }), vm }
}
