import { ago, type Disk, GiB, type NIC, type VM } from './db'

const ROLES = ['web', 'api', 'db', 'cache', 'worker', 'build', 'mail', 'proxy', 'queue', 'search', 'metrics', 'backup']
const STATUS = [
  'RUNNING',
  'RUNNING',
  'RUNNING',
  'RUNNING',
  'RUNNING',
  'STOPPED',
  'RUNNING',
  'RUNNING',
  'STOPPED',
  'RUNNING',
  'PAUSED',
  'RUNNING',
  'RUNNING',
  'SUSPENDED',
  'RUNNING',
]

/** The same things each time: `vms` machines on four connections, one of which does not answer. */
export function makeDisk(name: string, volume: string, capacityBytes: number, more: Partial<Disk> = {}): Disk {
  return {
    name,
    device: 'disk',
    bus: 'virtio',
    format: 'qcow2',
    pool: 'default',
    volume,
    path: `/var/lib/libvirt/images/${volume}`,
    backing: '',
    capacityBytes,
    usedBytes: Math.round(capacityBytes * 0.22),
    readOnly: false,
    seed: false,
    ...more,
  }
}

export function makeNIC(i: number, network = 'default'): NIC {
  const hex = (n: number) => (n & 255).toString(16).padStart(2, '0')
  return {
    mac: `52:54:00:${hex(i >> 4)}:${hex(i * 37)}:${hex(i * 11 + 3)}`,
    type: 'network',
    network,
    model: 'virtio',
    linkUp: true,
  }
}

export function makeVM(i: number): VM {
  const role = ROLES[i % ROLES.length] as string
  const name = `${role}-${String(Math.floor(i / ROLES.length) + 1).padStart(2, '0')}`
  const providerId = i % 11 === 6 ? 'prov_3' : i % 3 === 0 ? 'prov_2' : i % 17 === 5 ? 'prov_4' : 'prov_1'
  const down = providerId === 'prov_3'
  const broken = i === 29
  const status = down ? 'UNKNOWN' : broken ? 'ERROR' : (STATUS[(i * 7) % STATUS.length] as string)
  const observed = down ? 'RUNNING' : status
  const vcpus = 1 << (i % 4)
  const memoryMiB = 1024 << (i % 5)
  const fresh = down ? ago(1260) : ago(i % 40)
  return {
    __typename: 'VM',
    id: `vm_${(i + 1).toString(36).padStart(3, '0')}`,
    name,
    description: i % 5 === 0 ? `${role} tier of the shop` : '',
    providerId,
    hypervisorType: providerId === 'prov_4' ? 'FAKE' : 'KVM',
    hypervisorConfig: {
      accelerator: 'KVM',
      machineType: 'pc-q35-7.2',
      firmware: i % 2 ? 'UEFI' : 'BIOS',
      architecture: 'x86_64',
      autostart: i % 3 === 0,
      serialConsole: true,
      vnc: i % 7 !== 3,
      guestAgent: i % 4 !== 1,
    },
    management: i % 13 === 4 ? 'DISCOVERED' : 'MANAGED',
    status,
    statusReason: down ? 'Its host does not answer; last known as running.' : broken ? 'The guest panicked.' : '',
    observedStatus: observed,
    asOf: fresh,
    missingSince: i === 41 ? ago(200) : null,
    problem: i === 53 ? 'Its NVRAM file could not be read: permission denied.' : '',
    vcpus,
    vcpusMax: vcpus * 2,
    memoryMiB,
    memoryMaxMiB: memoryMiB * 2,
    disks: [
      makeDisk(
        'vda',
        `${name}.qcow2`,
        (20 + (i % 4) * 20) * GiB,
        i % 2 ? { backing: '/var/lib/libvirt/images/debian-12.qcow2' } : {},
      ),
      ...(role === 'db' ? [makeDisk('vdb', `${name}-data.qcow2`, 200 * GiB)] : []),
      makeDisk('sda', `${name}-seed.iso`, 374784, {
        device: 'cdrom',
        bus: 'sata',
        format: 'raw',
        readOnly: true,
        seed: true,
        usedBytes: 374784,
      }),
    ],
    networks: [makeNIC(i), ...(i % 6 === 0 ? [makeNIC(i + 400, 'storage')] : [])],
    pendingChanges: i === 12 ? [{ field: 'memoryMiB', current: '1024', next: '4096' }] : [],
    ip: observed === 'RUNNING' ? `192.168.${122 + (i >> 7)}.${10 + (i % 120)}` : '',
    tags: [
      { key: 'env', value: i % 3 ? 'prod' : 'staging' },
      ...(i % 4 === 0 ? [{ key: 'team', value: role === 'db' ? 'data' : 'shop' }] : []),
    ],
    snapshots: i % 8 === 0 ? snapshots() : [],
    version: 3,
    createdAt: ago(86400 * (1 + ((i * 13) % 300))),
    updatedAt: fresh,
  }
}

function snapshots() {
  const base = { memory: true, external: false, status: 'RUNNING' }
  return [
    {
      ...base,
      name: 'installed',
      description: 'Right after the first boot',
      parent: null,
      current: false,
      createdAt: ago(86400 * 20),
    },
    {
      ...base,
      name: 'before-upgrade',
      description: '',
      parent: 'installed',
      current: false,
      createdAt: ago(86400 * 6),
    },
    {
      ...base,
      name: 'after-upgrade',
      description: 'Debian 12.8',
      parent: 'before-upgrade',
      current: true,
      createdAt: ago(86400 * 6 - 2400),
    },
    {
      ...base,
      name: 'experiment',
      description: '',
      parent: 'installed',
      current: false,
      createdAt: ago(86400 * 3),
      memory: false,
      external: true,
      status: 'STOPPED',
    },
  ]
}
