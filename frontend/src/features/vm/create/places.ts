type Host = {
  readonly status: string
  readonly provider: { readonly id: string; readonly name: string }
  readonly resourceUtilization: {
    readonly memoryTotalMiB: number
    readonly memoryAllocatedMiB: number
    readonly vcpusAllocated: number
  }
  readonly capabilities: {
    readonly cpus: number
    readonly machineTypes: readonly string[]
    readonly firmwares: readonly string[]
    readonly accelerators: readonly string[]
  }
  readonly storagePools: readonly Pool[]
  readonly networks: readonly Net[]
}
type Pool = { readonly name: string; readonly active: boolean; readonly freeBytes: number }
type Net = {
  readonly name: string
  readonly type: string
  readonly mode: string
  readonly active: boolean
  readonly cidr: string
}

/** Where a VM can be made: a connection, which chooses among its hosts itself when it has several. */
export type Place = {
  id: string
  name: string
  hosts: number
  answers: boolean
  memoryTotalMiB: number
  memoryAllocatedMiB: number
  vcpusAllocated: number
  cpus: number
  machineTypes: string[]
  firmwares: string[]
  accelerators: string[]
  pools: Pool[]
  networks: Net[]
}

/** The hosts by connection. What only some hosts of one have is offered all the same: the server says where it fits. */
export function placesOf(hosts: readonly Host[]): Place[] {
  const places = new Map<string, Place>()
  for (const host of hosts) {
    const { id, name } = host.provider
    const place = places.get(id) ?? empty(id, name)
    places.set(id, place)
    const { memoryTotalMiB, memoryAllocatedMiB, vcpusAllocated } = host.resourceUtilization
    place.hosts++
    place.answers ||= host.status === 'ACTIVE'
    place.memoryTotalMiB += memoryTotalMiB
    place.memoryAllocatedMiB += memoryAllocatedMiB
    place.vcpusAllocated += vcpusAllocated
    place.cpus += host.capabilities.cpus
    for (const key of ['machineTypes', 'firmwares', 'accelerators'] as const)
      place[key] = [...new Set([...place[key], ...host.capabilities[key]])]
    for (const pool of host.storagePools)
      if (pool.active && !place.pools.some((each) => each.name === pool.name)) place.pools.push(pool)
    for (const net of host.networks)
      if (net.active && !place.networks.some((each) => each.name === net.name)) place.networks.push(net)
  }
  return [...places.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function empty(id: string, name: string): Place {
  return {
    id,
    name,
    hosts: 0,
    answers: false,
    memoryTotalMiB: 0,
    memoryAllocatedMiB: 0,
    vcpusAllocated: 0,
    cpus: 0,
    machineTypes: [],
    firmwares: [],
    accelerators: [],
    pools: [],
    networks: [],
  }
}
