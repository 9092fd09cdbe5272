import { expect, test } from 'vitest'
import { placesOf } from './places'

const host = (provider: string, status: string, pool: string, memoryTotalMiB: number) => ({
  status,
  provider: { id: provider, name: provider },
  resourceUtilization: { memoryTotalMiB, memoryAllocatedMiB: 10, vcpusAllocated: 2 },
  capabilities: { cpus: 4, machineTypes: ['q35'], firmwares: ['BIOS'], accelerators: ['KVM'] },
  storagePools: [{ name: pool, active: true, freeBytes: 1 }],
  networks: [{ name: 'default', type: 'network', mode: 'nat', active: true, cidr: '' }],
})

test('the hosts of one connection are one place', () => {
  const places = placesOf([
    host('b', 'ACTIVE', 'p1', 100),
    host('a', 'INACTIVE', 'p1', 50),
    host('b', 'INACTIVE', 'p2', 200),
  ])
  expect(
    places.map(({ name, hosts, answers, memoryTotalMiB, cpus }) => [name, hosts, answers, memoryTotalMiB, cpus]),
  ).toEqual([
    ['a', 1, false, 50, 4],
    ['b', 2, true, 300, 8],
  ])
  expect(places[1]?.pools.map((pool) => pool.name)).toEqual(['p1', 'p2'])
  expect(places[1]?.networks).toHaveLength(1)
  expect(places[1]?.machineTypes).toEqual(['q35'])
})
