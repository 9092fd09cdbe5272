/** What the mock knows. Rows are plain; what is computed from them lives in resolvers.ts. */
export type Fault = {
  code: string
  message: string
  field: string
  remedy: string
  provider: string
  providerCode: string
  providerText: string
}
export type Tag = { key: string; value: string }
export type Disk = {
  name: string
  device: string
  bus: string
  format: string
  pool: string
  volume: string
  path: string
  backing: string
  capacityBytes: number
  usedBytes: number
  readOnly: boolean
  seed: boolean
}
export type NIC = { mac: string; type: string; network: string; model: string; linkUp: boolean }
export type Snapshot = {
  name: string
  description: string
  parent: string | null
  current: boolean
  createdAt: string
  status: string
  memory: boolean
  external: boolean
}
export type VM = {
  __typename: 'VM'
  id: string
  name: string
  description: string
  providerId: string
  hypervisorType: string
  hypervisorConfig: Record<string, unknown>
  management: 'MANAGED' | 'DISCOVERED'
  status: string
  statusReason: string
  observedStatus: string
  asOf: string
  missingSince: string | null
  problem: string
  vcpus: number
  vcpusMax: number
  memoryMiB: number
  memoryMaxMiB: number
  disks: Disk[]
  networks: NIC[]
  pendingChanges: { field: string; current: string; next: string }[]
  ip: string
  tags: Tag[]
  snapshots: Snapshot[]
  version: number
  createdAt: string
  updatedAt: string
}
export type Provider = {
  __typename: 'Provider'
  id: string
  name: string
  kind: string
  transport: string | null
  host: string
  port: number
  user: string
  accelerator: string
  status: string
  statusSince: string
  problem: Fault | null
  lastSeenAt: string | null
  version: string
  encryption: string
  cpus: number
  memoryMiB: number
  warnings: string[]
  createdAt: string
  settingsVersion: number
}
export type Step = {
  name: string
  status: string
  attempts: number
  progress: number | null
  startedAt: string | null
  finishedAt: string | null
  error: Fault | null
}
export type Operation = {
  __typename: 'Operation'
  id: string
  kind: string
  status: string
  progress: number | null
  note: string
  steps: Step[]
  error: Fault | null
  targetId: string | null
  targetName: string
  providerId: string | null
  requestedBy: string
  createdAt: string
  startedAt: string | null
  finishedAt: string | null
  retryAt: string | null
  cancelRequested: boolean
  parentId: string | null
}
export type Policy = {
  id: string
  name: string
  text: string
  enabled: boolean
  version: number
  changedBy: string
  createdAt: string
  updatedAt: string
}
export type AuditEntry = {
  __typename: 'AuditEntry'
  id: string
  at: string
  actor: string
  address: string
  requestId: string
  action: string
  outcome: string
  targetType: string
  targetId: string | null
  targetName: string
  operationId: string | null
  detail: string
}
export type Image = {
  __typename: 'Image'
  id: string
  name: string
  providerId: string
  pool: string
  volume: string
  status: string
  format: string
  capacityBytes: number
  sizeBytes: number
  os: string
  defaultUser: string
  sha256: string
  source: string
  operationId: string | null
  createdAt: string
}
export type Token = {
  id: string
  name: string
  prefix: string
  role: string
  createdAt: string
  expiresAt: string | null
  lastUsedAt: string | null
}

export type Part = { providers: string[]; vms: string[]; tags: Tag[] }
export type Person = {
  id: string
  name: string
  fullName: string
  email: string
  issuer: string | null
  roleByHand: string | null
  roleByHandEnds: string | null
  roleByIssuer: string | null
  /** Roles for a part of the things. */
  parts: { id: string; role: string; on: Part; expiresAt: string | null }[]
  active: boolean
  lastSeenAt: string | null
  createdAt: string
  /** Whose account belongs to another organisation. */
  elsewhere: boolean
}
export type Session = {
  id: string
  current: boolean
  address: string
  agent: string
  issuer: string | null
  createdAt: string
  lastUsedAt: string
  expiresAt: string
}

/** How many of each kind; what is not in it has no limit. */
export type Limits = Partial<Record<Counted, number>>
export type Counted = 'VMS' | 'VCPUS' | 'MEMORY_MIB' | 'DISK_MIB' | 'SNAPSHOTS'
/** An organisation of this installation; what it has in use, unless that is counted. */
export type House = {
  tenant: { id: string; name: string }
  people: number
  limits: Limits
  inUse: Record<Counted, number>
}

export type DB = {
  vms: Map<string, VM>
  providers: Map<string, Provider>
  operations: Map<string, Operation>
  images: Map<string, Image>
  tokens: Map<string, Token>
  people: Map<string, Person>
  sessions: Map<string, Session>
  policies: Map<string, Policy>
  /** The newest first. */
  audit: AuditEntry[]
  /** All organisations of the one who asks, and the id of the one that they work for now. */
  organisations: { tenant: { id: string; name: string }; role: string }[]
  here: string
  /** Whether who asks looks after the installation. */
  platformAdmin: boolean
  /** All organisations that there are. */
  houses: House[]
  volumes: {
    providerId: string
    pool: string
    name: string
    format: string
    capacityBytes: number
    usedBytes: number
    backing: string
  }[]
}

export const GiB = 1024 ** 3

export const fault = (code: string, message: string, more: Partial<Fault> = {}): Fault => ({
  code,
  message,
  field: '',
  remedy: '',
  provider: '',
  providerCode: '',
  providerText: '',
  ...more,
})

let count = 0
export const newId = (kind: string) =>
  `${kind}_${(++count).toString(36).padStart(4, '0')}${Math.floor(Math.random() * 46656).toString(36)}`

export const now = () => new Date().toISOString()
export const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString()
