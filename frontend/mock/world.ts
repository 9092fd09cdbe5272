import { type DB, fault, newId, now, type Operation, type Step, type VM } from './db'
import { Log } from './events'

/** One step of a piece of work: how long it takes, and what is different after it. */
export type Work = { name: string; ms: number; done?: () => void }
type Order = {
  kind: string
  target?: { id: string; name: string; providerId?: string }
  work: Work[]
  parentId?: string
  /** What to put back when it fails or is canceled. */
  undo?: () => void
  fails?: ReturnType<typeof fault>
}

const ENDED = ['SUCCEEDED', 'FAILED', 'CANCELED']
export const ended = (operation: Operation) => ENDED.includes(operation.status)

/** The database with its log and the operations under way. `pace` 0 lets everything happen at once. */
export class World {
  readonly log = new Log()

  constructor(
    readonly db: DB,
    readonly pace = 1,
  ) {}

  touch(vm: VM, kind: 'ADDED' | 'UPDATED' = 'UPDATED') {
    vm.asOf = now()
    vm.updatedAt = vm.asOf
    this.log.publish({ noun: 'vm', id: vm.id, kind })
  }

  forget(vm: VM) {
    this.db.vms.delete(vm.id)
    this.log.publish({ noun: 'vm', id: vm.id, kind: 'REMOVED' })
  }

  /** The VM's operation that has not ended. */
  active(id: string): Operation | undefined {
    for (const operation of this.db.operations.values())
      if (operation.targetId === id && !ended(operation)) return operation
    return undefined
  }

  begin(order: Order): Operation {
    const steps: Step[] = order.work.map(({ name }) => ({
      name,
      status: 'PENDING',
      attempts: 0,
      progress: null,
      startedAt: null,
      finishedAt: null,
      error: null,
    }))
    const operation: Operation = {
      __typename: 'Operation',
      id: newId('op'),
      kind: order.kind,
      status: 'QUEUED',
      progress: 0,
      note: '',
      steps,
      error: null,
      targetId: order.target?.id ?? null,
      targetName: order.target?.name ?? '',
      providerId: order.target?.providerId ?? null,
      requestedBy: 'admin',
      createdAt: now(),
      startedAt: null,
      finishedAt: null,
      retryAt: null,
      cancelRequested: false,
      parentId: order.parentId ?? null,
    }
    this.db.operations.set(operation.id, operation)
    this.say(operation)
    void this.carryOut(operation, order)
    return operation
  }

  say(operation: Operation) {
    this.log.publish({ noun: 'operation', id: operation.id, kind: 'UPDATED' })
    const vm = operation.targetId ? this.db.vms.get(operation.targetId) : undefined
    if (vm) this.log.publish({ noun: 'vm', id: vm.id, kind: 'UPDATED' })
  }

  private async carryOut(operation: Operation, order: Order) {
    await this.sleep(120)
    operation.startedAt = now()
    operation.status = 'RUNNING'
    for (const [index, work] of order.work.entries()) {
      const step = operation.steps[index] as Step
      Object.assign(step, { status: 'RUNNING', attempts: 1, startedAt: now() })
      operation.note = work.name
      const ticks = Math.max(1, Math.round(work.ms / 400))
      for (let tick = 0; tick < ticks; tick++) {
        step.progress = tick / ticks
        operation.progress = (index + step.progress) / order.work.length
        this.say(operation)
        await this.sleep(work.ms / ticks)
        if (operation.cancelRequested) return this.end(operation, 'CANCELED', order.undo)
      }
      const last = index === order.work.length - 1
      if (order.fails && last) {
        Object.assign(step, { status: 'FAILED', error: order.fails, finishedAt: now() })
        operation.error = order.fails
        return this.end(operation, 'FAILED', order.undo)
      }
      Object.assign(step, { status: 'DONE', progress: 1, finishedAt: now() })
      work.done?.()
    }
    operation.progress = 1
    this.end(operation, 'SUCCEEDED')
  }

  private end(operation: Operation, status: string, undo?: () => void) {
    undo?.()
    operation.status = status
    operation.note = ''
    operation.finishedAt = now()
    this.say(operation)
    if (operation.parentId) this.settle(operation.parentId)
  }

  /** A bulk operation ends with its last child. */
  private settle(id: string) {
    const parent = this.db.operations.get(id)
    const children = [...this.db.operations.values()].filter((each) => each.parentId === id)
    if (!parent) return
    const done = children.filter(ended).length
    parent.progress = children.length ? done / children.length : 1
    if (done === children.length) {
      parent.status = children.every((each) => each.status === 'SUCCEEDED') ? 'SUCCEEDED' : 'FAILED'
      const failed = children.filter((each) => each.status !== 'SUCCEEDED').length
      if (failed)
        parent.error = fault('CONFLICT', `${failed} of ${children.length} failed.`, {
          remedy: 'See each of them below.',
        })
      parent.finishedAt = now()
    }
    this.say(parent)
  }

  private sleep(ms: number) {
    return new Promise((resolve) => setTimeout(resolve, ms * this.pace))
  }
}
