import type { VM } from './db'
import { power } from './power'
import { listVMs, type VMFilter } from './reads'
import { refuse, vmActions } from './rules'
import type { World } from './world'

export type Bulk = { action: string; filter: VMFilter; ifCount?: number }

const BULK: Record<string, string> = {
  START: 'startVM',
  SHUTDOWN: 'shutdownVM',
  POWER_OFF: 'powerOffVM',
  REBOOT: 'rebootVM',
  DELETE: 'deleteVM',
}

export function planBulk(world: World, { action, filter }: Bulk) {
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

export function bulk(world: World, input: Bulk) {
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
        work: [{ name: 'Remove the VM', ms: 1200, done: () => world.forget(vm) }],
      })
    else power(world, vm, BULK[input.action] as string, operation.id)
  }
  return { operation }
}
