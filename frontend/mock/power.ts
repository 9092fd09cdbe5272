import { fault, type VM } from './db'
import type { World } from './world'

export const POWER: Record<string, { kind: string; step: string; ms: number; to: string; via?: string }> = {
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
    work: [{ name: step, ms, done: () => settle(world, vm, to) }],
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

export function settle(world: World, vm: VM, status: string) {
  vm.status = status
  vm.observedStatus = status
  vm.ip = status === 'RUNNING' ? vm.ip || `192.168.122.${20 + Math.floor(Math.random() * 200)}` : ''
  if (status === 'STOPPED') vm.pendingChanges = []
  world.touch(vm)
}
