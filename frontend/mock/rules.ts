import { GraphQLError } from 'graphql'
import { fault, type Image, type Operation, type VM } from './db'
import { ended, type World } from './world'

export type Action = { name: string; allowed: boolean; reason: string; remedy: string }
const yes = (name: string): Action => ({ name, allowed: true, reason: '', remedy: '' })
const no = (name: string, reason: string, remedy = ''): Action => ({ name, allowed: false, reason, remedy })

const POWER: Record<string, { from: string[]; reason: string; remedy?: string }> = {
  startVM: { from: ['STOPPED', 'SUSPENDED', 'ERROR'], reason: 'It is not off.' },
  shutdownVM: { from: ['RUNNING', 'STOPPING'], reason: 'It does not run.' },
  powerOffVM: { from: ['RUNNING', 'PAUSED', 'STARTING', 'STOPPING', 'ERROR'], reason: 'It is off already.' },
  rebootVM: { from: ['RUNNING'], reason: 'It does not run.', remedy: 'Start it.' },
  resetVM: { from: ['RUNNING', 'PAUSED', 'ERROR'], reason: 'It does not run.', remedy: 'Start it.' },
  pauseVM: { from: ['RUNNING'], reason: 'It does not run.' },
  resumeVM: { from: ['PAUSED', 'SUSPENDED'], reason: 'It is neither paused nor suspended.' },
  suspendVM: { from: ['RUNNING'], reason: 'It does not run.' },
}
const OTHERS = [
  'updateVM',
  'attachDisk',
  'detachDisk',
  'attachNIC',
  'detachNIC',
  'createSnapshot',
  'restoreSnapshot',
  'deleteSnapshot',
  'deleteVM',
  'releaseVM',
]

export function vmActions(world: World, vm: VM): Action[] {
  const names = [...Object.keys(POWER), ...OTHERS]
  const console =
    vm.status === 'RUNNING' || vm.status === 'PAUSED'
      ? yes('openConsole')
      : no('openConsole', 'It does not run.', 'Start it.')
  const adopt = vm.management === 'DISCOVERED' ? yes('adoptVM') : no('adoptVM', 'It is managed already.')
  const host = world.db.providers.get(vm.providerId)
  if (host?.status !== 'CONNECTED')
    return [...names, 'openConsole', 'adoptVM'].map((name) => no(name, `${host?.name} does not answer.`))
  if (vm.management === 'DISCOVERED')
    return [...names.map((name) => no(name, 'It is not managed by NovaCron.', 'Adopt it first.')), console, adopt]
  const busy = world.active(vm.id)
  const held = busy && ['PROVISIONING', 'DELETING'].includes(vm.status)
  return [
    ...Object.entries(POWER).map(([name, { from, reason, remedy }]) => {
      if (held) return no(name, 'Another operation is under way.')
      return from.includes(vm.status) ? yes(name) : no(name, reason, remedy)
    }),
    ...OTHERS.map((name) =>
      busy ? no(name, 'Another operation is under way.', 'Wait for it, or cancel it.') : yes(name),
    ),
    console,
    adopt,
  ]
}

export function operationActions(operation: Operation): Action[] {
  const stuck = operation.status === 'STUCK'
  const over = ended(operation)
  return [
    over || stuck
      ? no('cancel', over ? 'It has ended.' : 'It is stuck.')
      : operation.cancelRequested
        ? no('cancel', 'It is being canceled.')
        : yes('cancel'),
    stuck ? yes('retry') : no('retry', 'It is not stuck.'),
    stuck ? yes('abandon') : no('abandon', 'It is not stuck.'),
  ]
}

export function imageActions(image: Image): Action[] {
  return [
    image.status === 'IMPORTING' ? no('deleteImage', 'It is on its way.', 'Cancel its import.') : yes('deleteImage'),
  ]
}

/** Refuses as the API does. */
export function refuse(code: string, message: string, more: Parameters<typeof fault>[2] = {}): never {
  const facts = fault(code, message, more)
  throw new GraphQLError(message, {
    extensions: { ...facts, requestId: `req_${Math.random().toString(36).slice(2, 10)}` },
  })
}

export function mustAllow(world: World, vm: VM | undefined, name: string): VM {
  if (!vm) refuse('NOT_FOUND', 'There is no such VM.', { field: 'id' })
  const action = vmActions(world, vm).find((each) => each.name === name)
  if (action && !action.allowed) refuse('CONFLICT', action.reason, { remedy: action.remedy })
  return vm
}
