import type { DB, Image, Operation, Provider, VM } from './db'
import { GiB, now } from './db'
import { countBy, hostId, listOperations, listVMs, page, type VMFilter, type VMOrder } from './reads'
import { imageActions, operationActions, refuse, vmActions } from './rules'
import type { World } from './world'

type Resolver = (source: never, args: never) => unknown
export type Resolvers = Record<string, Record<string, Resolver>>

const BUSY: Record<string, string> = {
  START_VM: 'STARTING',
  SHUTDOWN_VM: 'STOPPING',
  POWER_OFF_VM: 'STOPPING',
  DELETE_VM: 'DELETING',
}

export function readers(world: World): Resolvers {
  const { db } = world
  const provider = ({ providerId }: { providerId: string | null }) => (providerId ? db.providers.get(providerId) : null)
  const down = (vm: VM) => db.providers.get(vm.providerId)?.status !== 'CONNECTED'
  const answer = (vm: VM) => {
    if (down(vm)) refuse('UNAVAILABLE', `${db.providers.get(vm.providerId)?.name} does not answer.`)
  }
  return {
    Query: {
      node: (_: unknown, { id }: { id: string }) => lookUp(db, id),
      eventCursor: () => world.log.cursor,
      about: () => ({ version: '0.1.0', startedAt: now(), maxPageSize: 1000 }),
      vms: (
        _: unknown,
        { first, after, filter, orderBy }: { first: number; after?: string; filter?: VMFilter; orderBy?: VMOrder },
      ) => {
        if ((filter?.search ?? '').split(/\s+/).length > 8)
          refuse('INVALID', 'A search has at most 8 words.', { field: 'filter.search', remedy: 'Use fewer words.' })
        return {
          ...page(listVMs(db, filter, orderBy), first, after),
          statusCounts: countBy(listVMs(db, { ...filter, status: undefined }), (vm) => vm.status),
        }
      },
      vm: (_: unknown, { id }: { id: string }) => db.vms.get(id) ?? null,
      providers: () => [...db.providers.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
      provider: (_: unknown, { id }: { id: string }) => db.providers.get(id) ?? null,
      hypervisorHosts: (_: unknown, args: { provider?: string }) =>
        [...db.providers.values()].filter((each) => !args.provider || each.id === args.provider).map(host),
      hypervisorHost: (_: unknown, { id }: { id: string }) => lookUp(db, id),
      operations: (_: unknown, { first, after, filter }: { first: number; after?: string; filter?: never }) =>
        page(listOperations(db, filter), first, after),
      operation: (_: unknown, { id }: { id: string }) => db.operations.get(id) ?? null,
      images: (_: unknown, args: { provider?: string }) =>
        [...db.images.values()]
          .filter((each) => !args.provider || each.providerId === args.provider)
          .sort((a, b) => (a.name < b.name ? -1 : 1)),
      image: (_: unknown, { id }: { id: string }) => db.images.get(id) ?? null,
      imageCatalog: () => catalog,
    },
    VM: {
      provider,
      hypervisorHost: ({ providerId }: VM) => host(db.providers.get(providerId) as Provider),
      stale: down,
      providerState: (vm: VM) =>
        down(vm) ? 'running' : vm.observedStatus.toLowerCase().replace('stopped', 'shut off'),
      providerRef: (vm: VM) => `6f1e4a52-0000-4000-8000-${vm.id.replace(/\W|_/g, '').padStart(12, '0')}`,
      configuration: (vm: VM) => ({ ...vm, memoryWantedMiB: vm.memoryMiB }),
      addresses: (vm: VM) =>
        vm.ip
          ? [
              {
                address: vm.ip,
                prefix: 24,
                mac: vm.networks[0]?.mac,
                interface: vm.hypervisorConfig.guestAgent ? 'enp1s0' : '',
                source: vm.hypervisorConfig.guestAgent ? 'agent' : 'lease',
              },
              ...(vm.hypervisorConfig.guestAgent
                ? [
                    {
                      address: 'fe80::5054:ff:fe3a:1',
                      prefix: 64,
                      mac: vm.networks[0]?.mac,
                      interface: 'enp1s0',
                      source: 'agent',
                    },
                  ]
                : []),
            ]
          : [],
      guest: (vm: VM) => (vm.hypervisorConfig.guestAgent && vm.status === 'RUNNING' ? guest(vm) : null),
      metrics: (vm: VM) => (vm.status === 'RUNNING' ? metrics(vm) : null),
      snapshots: (vm: VM) => {
        answer(vm)
        return vm.snapshots
      },
      operations: (vm: VM, { first, after }: { first: number; after?: string }) =>
        page(listOperations(db, { target: vm.id }), first, after),
      activeOperation: (vm: VM) => world.active(vm.id) ?? null,
      status: (vm: VM) => {
        const kind = world.active(vm.id)?.kind
        return (kind && BUSY[kind]) || (down(vm) ? 'UNKNOWN' : vm.status)
      },
      actions: (vm: VM) => vmActions(world, vm),
      document: (vm: VM) => `<domain type="kvm">\n  <name>${vm.name}</name>\n  <vcpu>${vm.vcpus}</vcpu>\n</domain>`,
    },
    Provider: {
      connectionUri: uri,
      lastSyncAt: ({ lastSeenAt }: Provider) => lastSeenAt,
      lastSyncMs: () => 48,
      features: () =>
        ['hotAddCPU', 'balloon', 'snapshotMemory', 'diskGrow', 'serialConsole', 'vnc'].map((name) => ({
          name,
          supported: true,
        })),
      hosts: (each: Provider) => [host(each)],
      vmCounts: ({ id }: Provider) => countBy(listVMs(db, { provider: [id] }), (vm) => vm.status),
      hasCredentials: ({ transport }: Provider) => transport === 'TLS' || transport === 'SSH',
      actions: () =>
        ['updateProvider', 'removeProvider', 'refreshProvider'].map((name) => ({
          name,
          allowed: true,
          reason: '',
          remedy: '',
        })),
    },
    Operation: {
      provider,
      target: ({ targetId }: Operation) => (targetId ? lookUp(db, targetId) : null),
      actions: operationActions,
      children: ({ id }: Operation) => [...db.operations.values()].filter((each) => each.parentId === id),
      childCounts: ({ id }: Operation) =>
        countBy(
          [...db.operations.values()].filter((each) => each.parentId === id),
          (each) => each.status,
        ),
      parent: ({ parentId }: Operation) => (parentId ? db.operations.get(parentId) : null),
    },
    Image: {
      provider,
      operation: ({ operationId }: Image) => (operationId ? (db.operations.get(operationId) ?? null) : null),
      actions: imageActions,
    },
  } as Resolvers

  function host(each: Provider) {
    const vms = listVMs(db, { provider: [each.id] })
    const running = vms.filter((vm) => vm.observedStatus === 'RUNNING')
    const allocated = running.reduce((sum, vm) => sum + vm.memoryMiB, 0)
    const volumes = db.volumes.filter((volume) => volume.providerId === each.id)
    const used = volumes.reduce((sum, volume) => sum + volume.usedBytes, 0)
    return {
      __typename: 'HypervisorHost',
      id: hostId(each.id),
      name: each.host || each.name,
      provider: each,
      connectionUri: uri(each),
      status: each.status === 'CONNECTED' ? 'ACTIVE' : 'INACTIVE',
      asOf: each.lastSeenAt ?? each.createdAt,
      vmCount: vms.length,
      runningCount: running.length,
      resourceUtilization: {
        cpuPercent: 10 + wave(each.id, 60),
        memoryUsedMiB: Math.min(each.memoryMiB * 0.94, Math.round(allocated * 0.8)),
        memoryTotalMiB: each.memoryMiB,
        storageUsedBytes: Math.round(used),
        storageTotalBytes: 4000 * GiB,
        vcpusAllocated: running.reduce((sum, vm) => sum + vm.vcpus, 0),
        memoryAllocatedMiB: allocated,
      },
      capabilities: {
        architecture: 'x86_64',
        cpuModel: 'AMD EPYC 7302P',
        cpus: each.cpus,
        sockets: 1,
        cores: each.cpus / 2,
        threads: 2,
        mhz: 3000,
        numa: [{ id: 0, memoryMiB: each.memoryMiB, cpus: Array.from({ length: each.cpus }, (_, cpu) => cpu) }],
        machineTypes: ['pc-q35-7.2', 'pc-i440fx-7.2'],
        firmwares: ['BIOS', 'UEFI'],
        accelerators: ['KVM', 'QEMU'],
        versions: [
          { key: 'libvirt', value: each.version },
          { key: 'QEMU', value: '7.2.0' },
          { key: 'kernel', value: '6.1.0-26-amd64' },
        ],
      },
      storagePools: [pool(each.id, 'default'), pool(each.id, 'fast')],
      storagePool: ({ name }: { name: string }) => pool(each.id, name),
      networks: [
        { name: 'default', type: 'network', mode: 'nat', active: true, cidr: '192.168.122.0/24' },
        { name: 'storage', type: 'network', mode: 'isolated', active: true, cidr: '10.9.0.0/24' },
        { name: 'br0', type: 'bridge', mode: 'bridge', active: true, cidr: '' },
      ],
      warnings: each.warnings,
    }
  }

  function pool(providerId: string, name: string) {
    const volumes = db.volumes.filter((volume) => volume.providerId === providerId && volume.pool === name)
    const used = volumes.reduce((sum, volume) => sum + volume.usedBytes, 0)
    const gone = db.providers.get(providerId)?.status !== 'CONNECTED'
    return {
      name,
      type: 'dir',
      active: true,
      path: name === 'default' ? '/var/lib/libvirt/images' : `/srv/${name}`,
      capacityBytes: 2000 * GiB,
      freeBytes: Math.round(2000 * GiB - used),
      volumes: () => (gone ? refuse('UNAVAILABLE', 'The host does not answer.') : volumes),
    }
  }

  function lookUp(data: DB, id: string) {
    if (id.startsWith('host_')) {
      const each = data.providers.get(id.replace('host_', 'prov_'))
      return each ? host(each) : null
    }
    return data.vms.get(id) ?? data.providers.get(id) ?? data.operations.get(id) ?? data.images.get(id) ?? null
  }
}

function uri({ kind, transport, host, user, name }: Provider) {
  if (kind === 'FAKE') return `fake://${name}`
  if (transport === 'LOCAL') return 'qemu:///system'
  return `qemu+${transport?.toLowerCase()}://${user ? `${user}@` : ''}${host}/system`
}

/** A number that wanders between 0 and `range`, each thing on its own way. */
function wave(key: string, range: number) {
  const phase = [...key].reduce((sum, char) => sum + char.charCodeAt(0), 0)
  return (range * (2 + Math.sin(Date.now() / 9000 + phase) + Math.sin(Date.now() / 2300 + phase * 3))) / 4
}

function metrics(vm: VM) {
  return {
    asOf: now(),
    cpuPercent: wave(vm.id, 90),
    memoryUsedMiB: Math.round(vm.memoryMiB * 0.3 + wave(vm.name, vm.memoryMiB * 0.5)),
    memoryMiB: vm.memoryMiB,
    memoryHostMiB: Math.round(vm.memoryMiB * 0.8),
    diskReadBytesPerSecond: wave(`r${vm.id}`, 4e6),
    diskWriteBytesPerSecond: wave(`w${vm.id}`, 9e6),
    networkReceiveBytesPerSecond: wave(`n${vm.id}`, 2e6),
    networkTransmitBytesPerSecond: wave(`t${vm.id}`, 8e5),
  }
}

function guest(vm: VM) {
  return {
    agent: true,
    hostname: vm.name,
    os: 'Debian GNU/Linux 12 (bookworm)',
    asOf: now(),
    fileSystems: vm.disks
      .filter((disk) => disk.device === 'disk')
      .map((disk, index) => ({
        mount: index ? '/var/lib/data' : '/',
        type: 'ext4',
        totalBytes: disk.capacityBytes * 0.97,
        usedBytes: disk.usedBytes,
        disks: [disk.name],
      })),
  }
}

export const catalog = [
  {
    key: 'novacron-tiny',
    name: 'novacron-tiny',
    os: 'NovaCron Tiny',
    architecture: 'x86_64',
    url: '',
    sizeBytes: 14 * 1024 ** 2,
    defaultUser: 'root',
    minMemoryMiB: 96,
    available: true,
    reason: '',
  },
  {
    key: 'debian-12',
    name: 'debian-12',
    os: 'Debian 12',
    architecture: 'x86_64',
    url: 'https://cloud.debian.org/images/cloud/bookworm/latest/',
    sizeBytes: 0.41 * GiB,
    defaultUser: 'debian',
    minMemoryMiB: 256,
    available: true,
    reason: '',
  },
  {
    key: 'ubuntu-24.04',
    name: 'ubuntu-24.04',
    os: 'Ubuntu 24.04 LTS',
    architecture: 'x86_64',
    url: 'https://cloud-images.ubuntu.com/noble/current/',
    sizeBytes: 0.58 * GiB,
    defaultUser: 'ubuntu',
    minMemoryMiB: 512,
    available: true,
    reason: '',
  },
  {
    key: 'rocky-9',
    name: 'rocky-9',
    os: 'Rocky Linux 9',
    architecture: 'x86_64',
    url: 'https://dl.rockylinux.org/pub/rocky/9/images/x86_64/',
    sizeBytes: 0.62 * GiB,
    defaultUser: 'rocky',
    minMemoryMiB: 512,
    available: true,
    reason: '',
  },
  {
    key: 'fedora-43',
    name: 'fedora-43',
    os: 'Fedora Cloud 43',
    architecture: 'x86_64',
    url: 'https://download.fedoraproject.org/',
    sizeBytes: 0.5 * GiB,
    defaultUser: 'fedora',
    minMemoryMiB: 512,
    available: false,
    reason: 'This server cannot reach download.fedoraproject.org.',
  },
].map((each) => ({ ...each, sizeBytes: Math.round(each.sizeBytes) }))
