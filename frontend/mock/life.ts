import { now } from './db'
import type { World } from './world'

/** What happens behind everybody's back: every few seconds somebody touches a VM at its host. */
export function stir(world: World) {
  setInterval(() => {
    for (const provider of world.db.providers.values()) if (provider.status === 'CONNECTED') provider.lastSeenAt = now()
    const vms = [...world.db.vms.values()].filter(
      (vm) => ['RUNNING', 'STOPPED'].includes(vm.status) && vm.providerId !== 'prov_3' && !world.active(vm.id),
    )
    const vm = vms[Math.floor(Math.random() * vms.length)]
    if (!vm) return
    vm.status = vm.status === 'RUNNING' && Math.random() < 0.3 ? 'STOPPED' : 'RUNNING'
    vm.observedStatus = vm.status
    world.touch(vm)
  }, 3000)
}
