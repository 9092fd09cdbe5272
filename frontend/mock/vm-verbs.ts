import { type DB, fault, GiB, newId, now, type VM } from './db'
import { listVMs, type VMFilter } from './reads'
import type { Resolvers } from './resolvers'
import { mustAllow, refuse, vmActions } from './rules'
import { makeDisk, makeNIC } from './seed'
import type { World } from './world'

type In<T> = { input: T }
type ById = In<{ id: string }>

const POWER: Record<string, { kind: string; step: string; ms: number; to: string; via?: string }> = {
  startVM: { kind: 'START_VM', step: 'Boot the VM', ms: 2600, to: 'RUNNING' },
  shutdownVM: { kind: 'SHUTDOWN_VM', step: 'Ask the guest to shut down', ms: 3800, to: 'STOPPED' },
  powerOffVM: { kind: 'POWER_OFF_VM', step: 'Pull the plug', ms: 700, to: 'STOPPED' },
  rebootVM: { kind: 'REBOOT_VM', step: 'Ask the guest to reboot', ms: 2200, to: 'RUNNING' },
  resetVM: { kind: 'RESET_VM', step: 'Press the reset button', ms: 600, to: 'RUNNING' },
  pauseVM: { kind: 'PAUSE_VM', step: 'Stop the CPUs', ms: 400, to: 'PAUSED' },
  resumeVM: { kind: 'RESUME_VM', step: 'Go on', ms: 500, to: 'RUNNING' },
  suspendVM: { kind: 'SUSPEND_VM', step: 'Write memory to disk', ms: 2500, to: 'SUSPENDED' },
}

/** What the power actions do. A VM with `fail` in its name never starts. */
export function power(world: World, vm: VM, name: string, parentId?: string) {
  const { kind, step, ms, to } = POWER[name] as (typeof POWER)[string]
  const fails = name === 'startVM' && vm.name.includes('fail')
  return world.begin({
    kind,
    parentId,
    target: vm,
    work: [{ name: step, ms, then: () => settle(world, vm, to) }],
    fails: fails
      ? fault('EXHAUSTED', 'The host has not enough free memory for it.', {
          remedy: 'Stop another VM, or give this one less memory.',
          provider: 'libvirt',
          providerCode: '1',
          providerText:
            'internal error: qemu unexpectedly closed the monitor: cannot set up guest memory: Cannot allocate memory',
        })
      : undefined,
  })
}

function settle(world: World, vm: VM, status: string) {
  vm.status = status
  vm.observedStatus = status
  vm.ip = status === 'RUNNING' ? vm.ip || `192.168.122.${20 + Math.floor(Math.random() * 200)}` : ''
  if (status === 'STOPPED') vm.pendingChanges = []
  world.touch(vm)
}

export function vmVerbs(world: World): Resolvers {
  const { db } = world
  const powers = Object.fromEntries(
    Object.keys(POWER).map((name) => [
      name,
      (_: unknown, { input }: ById) => ({
        operation: power(world, mustAllow(world, db.vms.get(input.id), name), name),
      }),
    ]),
  )
  const change = (vm: VM, kind: string, step: string, then: () => void, ms = 900) => ({
    operation: world.begin({
      kind,
      target: vm,
      work: [
        {
          name: step,
          ms,
          then: () => {
            then()
            vm.version++
            world.touch(vm)
          },
        },
      ],
    }),
  })
  return {
    Query: {
      planUpdateVM: (_: unknown, { input }: In<UpdateVM>) => plan(mustFind(db, input.id), input),
      planBulkVMs: (_: unknown, { input }: In<Bulk>) => planBulk(world, input).plan,
    },
    Mutation: {
      ...powers,
      createVM: (_: unknown, { input }: In<CreateVM>) => create(world, input),
      updateVM: (_: unknown, { input }: In<UpdateVM>) => {
        const vm = mustAllow(world, db.vms.get(input.id), 'updateVM')
        if (input.ifVersion && input.ifVersion !== vm.version)
          refuse('CONFLICT', 'The VM has changed since it was planned.', { remedy: 'Look at the plan again.' })
        const planned = plan(vm, input)
        if (planned.impact === 'RESTART' && !input.allowRestart)
          refuse('CONFLICT', 'Some of it only comes with the next start.', { field: 'allowRestart' })
        if (input.description !== undefined) vm.description = input.description
        if (input.tags) vm.tags = input.tags
        world.touch(vm)
        if (planned.changes.length === 0) return { operation: null, vm, plan: planned }
        const later = planned.changes.filter((each) => each.impact === 'RESTART')
        const { operation } = change(
          vm,
          'UPDATE_VM',
          planned.changes.map((each) => `Set ${each.field}`).join(', '),
          () => {
            vm.pendingChanges = later.map(({ field, current, wanted }) => ({ field, current, next: wanted }))
            const live = (field: string) =>
              planned.changes.some((each) => each.field === field && each.impact === 'LIVE')
            if (input.vcpus && live('vcpus')) vm.vcpus = input.vcpus
            if (input.memoryMiB && live('memoryMiB')) vm.memoryMiB = input.memoryMiB
            for (const disk of vm.disks)
              disk.capacityBytes =
                input.disks?.find((each) => each.name === disk.name)?.capacityBytes ?? disk.capacityBytes
          },
          1800,
        )
        return { operation, vm, plan: planned }
      },
      deleteVM: (_: unknown, { input }: In<{ id: string; force?: boolean; snapshots?: boolean }>) => {
        const vm = mustAllow(world, db.vms.get(input.id), 'deleteVM')
        if (vm.status === 'RUNNING' && !input.force)
          refuse('CONFLICT', 'It runs.', { field: 'force', remedy: 'Force it off first, or set force.' })
        if (vm.snapshots.length && !input.snapshots)
          refuse('CONFLICT', `It has ${vm.snapshots.length} snapshots.`, {
            field: 'snapshots',
            remedy: 'Delete them too.',
          })
        return {
          operation: world.begin({
            kind: 'DELETE_VM',
            target: vm,
            work: [
              { name: 'Remove the VM', ms: 1500 },
              { name: 'Remove its disks', ms: 600, then: () => world.forget(vm) },
            ],
          }),
        }
      },
      adoptVM: (_: unknown, { input }: ById) => manage(mustAllow(world, db.vms.get(input.id), 'adoptVM'), 'MANAGED'),
      releaseVM: (_: unknown, { input }: ById) =>
        manage(mustAllow(world, db.vms.get(input.id), 'releaseVM'), 'DISCOVERED'),
      attachDisk: (_: unknown, { input }: In<{ vm: string; disk: DiskIn }>) => {
        const vm = mustAllow(world, db.vms.get(input.vm), 'attachDisk')
        const name = `vd${'abcdefgh'[vm.disks.filter((disk) => disk.name.startsWith('vd')).length]}`
        return change(vm, 'ATTACH_DISK', 'Plug the disk in', () => vm.disks.push(diskOf(db, vm.name, name, input.disk)))
      },
      detachDisk: (_: unknown, { input }: In<{ vm: string; name: string }>) => {
        const vm = mustAllow(world, db.vms.get(input.vm), 'detachDisk')
        return change(vm, 'DETACH_DISK', `Unplug ${input.name}`, () => {
          vm.disks = vm.disks.filter((disk) => disk.name !== input.name)
        })
      },
      attachNIC: (_: unknown, { input }: In<{ vm: string; nic: { network?: string } }>) => {
        const vm = mustAllow(world, db.vms.get(input.vm), 'attachNIC')
        return change(vm, 'ATTACH_NIC', 'Plug the NIC in', () =>
          vm.networks.push(makeNIC(Math.floor(Math.random() * 999), input.nic.network ?? 'default')),
        )
      },
      detachNIC: (_: unknown, { input }: In<{ vm: string; mac: string }>) => {
        const vm = mustAllow(world, db.vms.get(input.vm), 'detachNIC')
        return change(vm, 'DETACH_NIC', `Unplug ${input.mac}`, () => {
          vm.networks = vm.networks.filter((nic) => nic.mac !== input.mac)
        })
      },
      openConsole: (_: unknown, { input }: In<{ vm: string; kind: string }>) => {
        mustAllow(world, db.vms.get(input.vm), 'openConsole')
        return {
          path: `/console/${input.kind.toLowerCase()}-${newId('tick')}`,
          expiresAt: new Date(Date.now() + 30_000).toISOString(),
        }
      },
      bulkVMs: (_: unknown, { input }: In<Bulk>) => bulk(world, input),
      createSnapshot: (
        _: unknown,
        { input }: In<{ vm: string; name: string; description?: string; memory: boolean; external: boolean }>,
      ) => {
        const vm = mustAllow(world, db.vms.get(input.vm), 'createSnapshot')
        if (vm.snapshots.some((each) => each.name === input.name))
          refuse('EXISTS', `There is a snapshot ${input.name} already.`, { field: 'name' })
        return change(
          vm,
          'CREATE_SNAPSHOT',
          `Take the snapshot ${input.name}`,
          () => {
            const parent = vm.snapshots.find((each) => each.current)?.name ?? null
            for (const each of vm.snapshots) each.current = false
            vm.snapshots.push({
              name: input.name,
              description: input.description ?? '',
              parent,
              current: true,
              createdAt: now(),
              status: vm.status,
              memory: input.memory,
              external: input.external,
            })
          },
          2000,
        )
      },
      restoreSnapshot: (_: unknown, { input }: In<{ vm: string; name: string }>) => {
        const vm = mustAllow(world, db.vms.get(input.vm), 'restoreSnapshot')
        return change(
          vm,
          'RESTORE_SNAPSHOT',
          `Go back to ${input.name}`,
          () => {
            for (const each of vm.snapshots) each.current = each.name === input.name
          },
          1600,
        )
      },
      deleteSnapshot: (_: unknown, { input }: In<{ vm: string; name: string }>) => {
        const vm = mustAllow(world, db.vms.get(input.vm), 'deleteSnapshot')
        return change(vm, 'DELETE_SNAPSHOT', `Forget ${input.name}`, () => {
          const gone = vm.snapshots.find((each) => each.name === input.name)
          vm.snapshots = vm.snapshots.filter((each) => each !== gone)
          for (const each of vm.snapshots) if (each.parent === input.name) each.parent = gone?.parent ?? null
        })
      },
    },
  } as unknown as Resolvers

  function manage(vm: VM, management: VM['management']) {
    vm.management = management
    world.touch(vm)
    return { vm }
  }
}

type DiskIn = {
  image?: string
  volume?: { pool: string; name: string }
  pool?: string
  capacityBytes?: number
  format?: string
  bus?: string
  readOnly?: boolean
  cdrom?: boolean
}
type CreateVM = {
  provider: string
  name: string
  description?: string
  vcpus: number
  memoryMiB: number
  disks: DiskIn[]
  networks?: { network?: string }[]
  tags?: VM['tags']
  firmware: string
  start: boolean
}
type UpdateVM = {
  id: string
  ifVersion?: number
  vcpus?: number
  memoryMiB?: number
  disks?: { name: string; capacityBytes: number }[]
  description?: string
  tags?: VM['tags']
  allowRestart?: boolean
}
type Bulk = { action: string; filter: VMFilter; ifCount?: number }

function mustFind(db: DB, id: string): VM {
  return db.vms.get(id) ?? refuse('NOT_FOUND', 'There is no such VM.')
}

function diskOf(db: DB, vm: string, name: string, disk: DiskIn) {
  const image = disk.image ? db.images.get(disk.image) : undefined
  const volume = disk.volume?.name ?? `${vm}-${name}.qcow2`
  return makeDisk(name, volume, disk.capacityBytes ?? image?.capacityBytes ?? 10 * GiB, {
    backing: image ? `/var/lib/libvirt/images/${image.volume}` : '',
    pool: disk.pool ?? 'default',
    device: disk.cdrom ? 'cdrom' : 'disk',
  })
}

function create(world: World, input: CreateVM) {
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
    vcpusMax: input.vcpus * 2,
    memoryMiB: input.memoryMiB,
    memoryMaxMiB: input.memoryMiB * 2,
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
    { name: 'Define the VM', ms: 500, then: () => settle(world, vm, 'STOPPED') },
    ...(input.start ? [{ name: 'Boot it', ms: 1800, then: () => settle(world, vm, 'RUNNING') }] : []),
  ]
  return { operation: world.begin({ kind: 'CREATE_VM', target: vm, work, undo: () => world.forget(vm) }), vm }
}

const WEIGHT = ['NONE', 'LIVE', 'RESTART', 'IMPOSSIBLE']

function plan(vm: VM, input: UpdateVM) {
  const off = vm.status === 'STOPPED'
  const changes: { field: string; current: string; wanted: string; impact: string; reason: string }[] = []
  const add = (field: string, current: number, wanted: number | undefined, max: number, unit = '') => {
    if (wanted === undefined || wanted === null || wanted === current) return
    const [impact, reason] = off
      ? ['LIVE', 'It is off.']
      : wanted > max
        ? ['RESTART', `It was booted with room for ${max}${unit}.`]
        : field === 'vcpus' && wanted < current
          ? ['RESTART', 'The guest does not give vCPUs back while it runs.']
          : ['LIVE', field === 'vcpus' ? 'The host can plug vCPUs in.' : 'The balloon has room for it.']
    changes.push({
      field,
      current: `${current}${unit}`,
      wanted: `${wanted}${unit}`,
      impact: impact as string,
      reason: reason as string,
    })
  }
  add('vcpus', vm.vcpus, input.vcpus, vm.vcpusMax)
  add('memoryMiB', vm.memoryMiB, input.memoryMiB, vm.memoryMaxMiB, ' MiB')
  for (const { name, capacityBytes } of input.disks ?? []) {
    const disk = vm.disks.find((each) => each.name === name)
    if (!disk || disk.capacityBytes === capacityBytes) continue
    const shrinks = capacityBytes < disk.capacityBytes
    changes.push({
      field: `disks.${name}`,
      current: `${disk.capacityBytes / GiB} GiB`,
      wanted: `${capacityBytes / GiB} GiB`,
      impact: shrinks ? 'IMPOSSIBLE' : 'LIVE',
      reason: shrinks
        ? 'A disk never gets smaller: the end of its file system would be cut off.'
        : 'The host grows it and tells the guest.',
    })
  }
  const impact = changes.reduce(
    (worst, each) => (WEIGHT.indexOf(each.impact) > WEIGHT.indexOf(worst) ? each.impact : worst),
    'NONE',
  )
  return { version: vm.version, changes, impact }
}

const BULK: Record<string, string> = {
  START: 'startVM',
  SHUTDOWN: 'shutdownVM',
  POWER_OFF: 'powerOffVM',
  REBOOT: 'rebootVM',
  DELETE: 'deleteVM',
}

function planBulk(world: World, { action, filter }: Bulk) {
  const name = BULK[action] as string
  const chosen: VM[] = []
  const skipped = new Map<string, number>()
  for (const vm of listVMs(world.db, filter)) {
    const verdict = vmActions(world, vm).find((each) => each.name === name)
    if (verdict?.allowed) chosen.push(vm)
    else skipped.set(verdict?.reason ?? '', (skipped.get(verdict?.reason ?? '') ?? 0) + 1)
  }
  const byStatus = new Map<string, number>()
  for (const vm of chosen) byStatus.set(vm.status, (byStatus.get(vm.status) ?? 0) + 1)
  return {
    chosen,
    plan: {
      count: chosen.length,
      byStatus: [...byStatus].map(([status, count]) => ({ status, count })),
      skipped: [...skipped].map(([reason, count]) => ({ reason, count })),
    },
  }
}

function bulk(world: World, input: Bulk) {
  const { chosen } = planBulk(world, input)
  if (input.ifCount !== undefined && input.ifCount !== chosen.length)
    refuse('CONFLICT', `It would act on ${chosen.length} VMs now, not on ${input.ifCount}.`, {
      remedy: 'Look at the plan again.',
    })
  const operation = world.begin({
    kind: 'BULK',
    target: undefined,
    work: [{ name: `${input.action.toLowerCase()} ${chosen.length} VMs`, ms: 60_000 }],
  })
  operation.targetName = `${chosen.length} VMs`
  for (const vm of chosen) {
    if (input.action === 'DELETE')
      world.begin({
        kind: 'DELETE_VM',
        target: vm,
        parentId: operation.id,
        work: [{ name: 'Remove the VM', ms: 1200, then: () => world.forget(vm) }],
      })
    else power(world, vm, BULK[input.action] as string, operation.id)
  }
  return { operation }
}
