import { GiB, type VM } from './db'
import type { UpdateVM } from './vm-create'

const WEIGHT = ['NONE', 'LIVE', 'RESTART', 'IMPOSSIBLE']

/** What an update would mean; the server of the real API knows better, but says it in the same shape. */
export function plan(vm: VM, input: UpdateVM) {
  const off = vm.status === 'STOPPED'
  const changes: { field: string; current: string; wanted: string; impact: string; reason: string }[] = []
  const add = (field: string, current: number, wanted: number | undefined, max: number, unit = '') => {
    const waiting = vm.pendingChanges.find((each) => each.field === field)
    const stored = waiting ? Number.parseInt(waiting.next, 10) : current
    if (wanted === undefined || wanted === null || wanted === stored) return
    const [impact, reason] = off
      ? ['LIVE', 'It is off.']
      : wanted === current
        ? ['LIVE', 'It runs with this; what waits for the next start is withdrawn.']
        : field.includes('Max')
          ? ['RESTART', 'A maximum is fixed when the VM starts.']
          : wanted > max
            ? ['RESTART', `It was booted with room for ${max}${unit}.`]
            : field === 'vcpus' && wanted < current
              ? ['RESTART', 'The guest does not give vCPUs back while it runs.']
              : ['LIVE', field === 'vcpus' ? 'The host can plug vCPUs in.' : 'The balloon has room for it.']
    changes.push({
      field,
      current: `${stored}${unit}`,
      wanted: `${wanted}${unit}`,
      impact: impact as string,
      reason: reason as string,
    })
  }
  add('vcpus', vm.vcpus, input.vcpus, vm.vcpusMax)
  add('memoryMiB', vm.memoryMiB, input.memoryMiB, vm.memoryMaxMiB, ' MiB')
  add('vcpusMax', vm.vcpusMax, input.vcpusMax, vm.vcpusMax)
  add('memoryMaxMiB', vm.memoryMaxMiB, input.memoryMaxMiB, vm.memoryMaxMiB, ' MiB')
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
