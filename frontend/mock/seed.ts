import { seedAudit } from './audit'
import { ago, type DB, fault, GiB, type Image, type Operation, type Provider } from './db'
import { seedPeople } from './people'
import { seedPolicies } from './policies'
import { seedQuota } from './quota'
import { makeVM } from './seed-vms'

export function seed(vms = 184): DB {
  const db: DB = {
    vms: new Map(),
    providers: new Map(),
    operations: new Map(),
    images: new Map(),
    tokens: new Map(),
    people: new Map(),
    sessions: new Map(),
    policies: new Map(),
    audit: [],
    organisations: [],
    here: 'ten_1',
    platformAdmin: true,
    houses: [],
    volumes: [],
  }
  seedPeople(db)
  seedPolicies(db)
  for (const each of providers()) db.providers.set(each.id, each)
  for (const each of images()) db.images.set(each.id, each)
  for (let i = 0; i < vms; i++) {
    const each = makeVM(i)
    db.vms.set(each.id, each)
  }
  seedQuota(db)
  for (const each of operations(db)) db.operations.set(each.id, each)
  seedAudit(db)
  db.tokens.set('tok_1', {
    id: 'tok_1',
    name: 'terraform',
    prefix: 'nc_4kQ2',
    role: 'OPERATOR',
    createdAt: ago(86400 * 40),
    expiresAt: null,
    lastUsedAt: ago(180),
  })
  db.tokens.set('tok_2', {
    id: 'tok_2',
    name: 'grafana',
    prefix: 'nc_9sXe',
    role: 'VIEWER',
    createdAt: ago(86400 * 12),
    expiresAt: ago(-86400 * 78),
    lastUsedAt: null,
  })
  for (const image of db.images.values())
    db.volumes.push({
      providerId: image.providerId,
      pool: image.pool,
      name: image.volume,
      format: image.format,
      capacityBytes: image.capacityBytes,
      usedBytes: image.sizeBytes,
      backing: '',
    })
  for (const each of db.vms.values())
    for (const disk of each.disks)
      if (disk.volume)
        db.volumes.push({
          providerId: each.providerId,
          pool: disk.pool,
          name: disk.volume,
          format: disk.format,
          capacityBytes: disk.capacityBytes,
          usedBytes: disk.usedBytes,
          backing: disk.backing,
        })
  db.volumes.push({
    providerId: 'prov_1',
    pool: 'default',
    name: 'freebsd-14.qcow2',
    format: 'qcow2',
    capacityBytes: 6 * GiB,
    usedBytes: 1.1 * GiB,
    backing: '',
  })
  return db
}

function providers(): Provider[] {
  const base = {
    __typename: 'Provider' as const,
    kind: 'LIBVIRT',
    port: 0,
    user: '',
    accelerator: 'AUTO',
    problem: null,
    warnings: [],
    settingsVersion: 1,
  }
  return [
    {
      ...base,
      id: 'prov_1',
      name: 'kvm-01',
      transport: 'LOCAL',
      host: '',
      status: 'CONNECTED',
      statusSince: ago(86400 * 3),
      lastSeenAt: ago(2),
      version: '9.0.0',
      encryption: 'local socket',
      cpus: 96,
      memoryMiB: 524288,
      createdAt: ago(86400 * 90),
    },
    {
      ...base,
      id: 'prov_2',
      name: 'kvm-02',
      transport: 'TLS',
      host: 'kvm-02.dc1.example',
      status: 'CONNECTED',
      statusSince: ago(86400 * 9),
      lastSeenAt: ago(3),
      version: '9.0.0',
      encryption: 'TLS 1.3',
      cpus: 64,
      memoryMiB: 262144,
      createdAt: ago(86400 * 80),
      warnings: ['QEMU 7.0 cannot grow memory beyond the boot size; 7.2 can.'],
    },
    {
      ...base,
      id: 'prov_3',
      name: 'kvm-03',
      transport: 'SSH',
      host: '10.20.0.13',
      user: 'novacron',
      status: 'UNREACHABLE',
      statusSince: ago(1260),
      lastSeenAt: ago(1260),
      version: '8.5.0',
      encryption: 'SSH',
      cpus: 32,
      memoryMiB: 131072,
      createdAt: ago(86400 * 60),
      problem: fault('UNAVAILABLE', 'kvm-03 does not answer on port 22.', {
        remedy: 'Check that the host is up and that no firewall blocks TCP 22.',
        provider: 'libvirt',
        providerCode: '38',
        providerText: 'Cannot recv data: Connection timed out',
      }),
    },
    {
      ...base,
      id: 'prov_4',
      name: 'lab',
      kind: 'FAKE',
      transport: null,
      host: '',
      status: 'CONNECTED',
      statusSince: ago(4000),
      lastSeenAt: ago(1),
      version: '1',
      encryption: '',
      cpus: 8,
      memoryMiB: 32768,
      createdAt: ago(86400),
    },
  ]
}

function images(): Image[] {
  const base = {
    __typename: 'Image' as const,
    providerId: 'prov_1',
    pool: 'default',
    status: 'READY',
    format: 'qcow2',
    operationId: null,
    sha256: 'c0ffee5eed'.repeat(6).slice(0, 64),
  }
  return [
    {
      ...base,
      id: 'img_1',
      name: 'debian-12',
      volume: 'debian-12.qcow2',
      capacityBytes: 3 * GiB,
      sizeBytes: 0.41 * GiB,
      os: 'Debian 12',
      defaultUser: 'debian',
      source: 'catalogue',
      createdAt: ago(86400 * 30),
    },
    {
      ...base,
      id: 'img_2',
      name: 'ubuntu-24.04',
      volume: 'ubuntu-24.04.qcow2',
      capacityBytes: 3.5 * GiB,
      sizeBytes: 0.58 * GiB,
      os: 'Ubuntu 24.04 LTS',
      defaultUser: 'ubuntu',
      source: 'catalogue',
      createdAt: ago(86400 * 21),
    },
    {
      ...base,
      id: 'img_3',
      name: 'novacron-tiny',
      volume: 'novacron-tiny.qcow2',
      capacityBytes: 64 * 1024 ** 2,
      sizeBytes: 14 * 1024 ** 2,
      os: 'NovaCron Tiny',
      defaultUser: 'root',
      source: 'part of NovaCron',
      createdAt: ago(86400 * 90),
    },
    {
      ...base,
      id: 'img_4',
      providerId: 'prov_2',
      name: 'debian-12',
      volume: 'debian-12.qcow2',
      capacityBytes: 3 * GiB,
      sizeBytes: 0.41 * GiB,
      os: 'Debian 12',
      defaultUser: 'debian',
      source: 'https://cloud.debian.org/images/cloud/bookworm/latest/debian-12-genericcloud-amd64.qcow2',
      createdAt: ago(86400 * 9),
    },
    {
      ...base,
      id: 'img_5',
      name: 'windows-server.iso',
      volume: 'windows-server.iso',
      status: 'FAILED',
      format: 'iso',
      capacityBytes: 0,
      sizeBytes: 0,
      os: '',
      defaultUser: '',
      sha256: '',
      source: 'upload',
      createdAt: ago(5000),
      operationId: 'op_img',
    },
  ]
}

function operations(db: DB): Operation[] {
  const base = {
    __typename: 'Operation' as const,
    progress: 1,
    note: '',
    error: null,
    providerId: 'prov_1',
    requestedBy: 'admin',
    retryAt: null,
    cancelRequested: false,
    parentId: null,
  }
  const step = (name: string, status = 'DONE', more = {}) => ({
    name,
    status,
    attempts: 1,
    progress: null,
    startedAt: ago(400),
    finishedAt: ago(380),
    error: null,
    ...more,
  })
  const denied = fault('EXHAUSTED', 'The pool default has 3.1 GiB free; the image needs 5.2 GiB.', {
    remedy: 'Free some space or choose another pool.',
    provider: 'libvirt',
    providerCode: '38',
    providerText: 'cannot extend file: No space left on device',
  })
  const lost = fault('UNAVAILABLE', 'The new disk could not be removed again: kvm-03 does not answer.', {
    remedy: 'Retry once kvm-03 is back, or abandon: the file web-09-data.qcow2 then stays in its pool.',
    provider: 'libvirt',
    providerCode: '38',
    providerText: 'Cannot recv data: Connection timed out',
  })
  const [first, second, third] = [...db.vms.values()]
  return [
    {
      ...base,
      id: 'op_1',
      kind: 'START_VM',
      status: 'SUCCEEDED',
      steps: [step('Boot the VM')],
      targetId: first?.id ?? null,
      targetName: first?.name ?? '',
      createdAt: ago(420),
      startedAt: ago(419),
      finishedAt: ago(417),
    },
    {
      ...base,
      id: 'op_img',
      kind: 'IMPORT_IMAGE',
      status: 'FAILED',
      progress: 0.4,
      steps: [
        step('Take in the file', 'FAILED', { error: denied }),
        step('Verify', 'PENDING', { attempts: 0, startedAt: null, finishedAt: null }),
      ],
      error: denied,
      targetId: 'img_5',
      targetName: 'windows-server.iso',
      createdAt: ago(5000),
      startedAt: ago(4999),
      finishedAt: ago(4800),
    },
    {
      ...base,
      id: 'op_stuck',
      kind: 'ATTACH_DISK',
      status: 'STUCK',
      progress: 0.5,
      steps: [
        step('Create the volume web-09-data.qcow2', 'UNDOING', { attempts: 4, error: lost, finishedAt: null }),
        step('Plug it in', 'FAILED', { error: lost }),
      ],
      error: lost,
      providerId: 'prov_3',
      targetId: third?.id ?? null,
      targetName: 'web-09',
      createdAt: ago(1300),
      startedAt: ago(1299),
      finishedAt: null,
    },
    {
      ...base,
      id: 'op_2',
      kind: 'CREATE_SNAPSHOT',
      status: 'SUCCEEDED',
      steps: [step('Take the snapshot after-upgrade')],
      targetId: first?.id ?? null,
      targetName: first?.name ?? '',
      createdAt: ago(86400 * 6),
      startedAt: ago(86400 * 6),
      finishedAt: ago(86400 * 6 - 14),
      requestedBy: 'terraform',
    },
    {
      ...base,
      id: 'op_3',
      kind: 'UPDATE_VM',
      status: 'CANCELED',
      progress: 0,
      steps: [step('Set memory to 8 GiB', 'UNDONE')],
      targetId: second?.id ?? null,
      targetName: second?.name ?? '',
      createdAt: ago(9000),
      startedAt: ago(8999),
      finishedAt: ago(8990),
      cancelRequested: true,
    },
  ]
}
