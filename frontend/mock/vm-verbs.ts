import { type DB, newId, now, type VM } from './db'
import { POWER, power } from './power'
import type { Resolvers } from './resolvers'
import { mustAllow, refuse } from './rules'
import { makeNIC } from './seed-vms'
import { type Bulk, bulk, planBulk } from './vm-bulk'
import { type CreateVM, create, type DiskIn, diskOf, type UpdateVM } from './vm-create'
import { plan } from './vm-plan'
import type { World } from './world'

type In<T> = { input: T }
type ById = In<{ id: string }>

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
  const change = (vm: VM, kind: string, step: string, done: () => void, ms = 900) => ({
    operation: world.begin({
      kind,
      target: vm,
      work: [
        {
          name: step,
          ms,
          done: () => {
            done()
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
            vm.pendingChanges = [
              ...vm.pendingChanges.filter(({ field }) => !planned.changes.some((each) => each.field === field)),
              ...later.map(({ field, current, wanted }) => ({ field, current, next: wanted })),
            ]
            const live = (field: string) =>
              planned.changes.some((each) => each.field === field && each.impact === 'LIVE')
            if (input.vcpus && live('vcpus')) vm.vcpus = input.vcpus
            if (input.memoryMiB && live('memoryMiB')) vm.memoryMiB = input.memoryMiB
            if (input.vcpusMax && live('vcpusMax')) vm.vcpusMax = input.vcpusMax
            if (input.memoryMaxMiB && live('memoryMaxMiB')) vm.memoryMaxMiB = input.memoryMaxMiB
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
              { name: 'Remove its disks', ms: 600, done: () => world.forget(vm) },
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

function mustFind(db: DB, id: string): VM {
  return db.vms.get(id) ?? refuse('NOT_FOUND', 'There is no such VM.')
}
