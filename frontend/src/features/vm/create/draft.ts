import type { Amount } from '@/features/quota/quota'
import { parseSize, sizeProblem } from '@/lib/units'
import { memoryProblem } from '../size'
import { parseTags } from '../tags'

const MiB = 1024 ** 2

export type DiskDraft = {
  key: string
  kind: 'new' | 'volume'
  size: string
  pool: string
  volume: string
  cdrom: boolean
}
export type NICDraft = { key: string; network: string; model: string }

/** What the form holds: as it is shown, not as it is sent. */
export type Draft = {
  provider: string
  name: string
  description: string
  /** Null until one is chosen; empty for none. */
  image: string | null
  clone: 'COPY_ON_WRITE' | 'FULL'
  bootSize: string
  pool: string
  vcpus: string
  memory: string
  /** How far it can grow while it runs; empty for twice. */
  vcpusMax: string
  memoryMax: string
  disks: DiskDraft[]
  nics: NICDraft[]
  hostname: string
  user: string
  sshKeys: string
  userData: string
  networkConfig: string
  firmware: 'BIOS' | 'UEFI'
  machineType: string
  accelerator: '' | 'AUTO' | 'KVM' | 'QEMU'
  autostart: boolean
  start: boolean
  tags: string
}

export const EMPTY: Draft = {
  provider: '',
  name: '',
  description: '',
  image: null,
  clone: 'COPY_ON_WRITE',
  bootSize: '',
  pool: '',
  vcpus: '2',
  memory: '2',
  vcpusMax: '',
  memoryMax: '',
  disks: [],
  nics: [],
  hostname: '',
  user: '',
  sshKeys: '',
  userData: '',
  networkConfig: '',
  firmware: 'BIOS',
  machineType: '',
  accelerator: '',
  autostart: false,
  start: true,
  tags: '',
}

let last: { vm: string; draft: Draft } | undefined

/** Keeps what a VM is being made from, in this page's memory alone: there may be passwords in it. */
export function keepDraft(vm: string, draft: Draft) {
  last = { vm, draft }
}

/** What the VM was to be made from, if it was the last that was asked for here. */
export function lastDraft(vm: string | null): Draft | undefined {
  return last?.vm === vm ? last?.draft : undefined
}

export const SIZES = [
  { key: 'tiny', label: 'Tiny', vcpus: '1', memory: '0.25' },
  { key: 'small', label: 'Small', vcpus: '1', memory: '1' },
  { key: 'medium', label: 'Medium', vcpus: '2', memory: '4' },
  { key: 'large', label: 'Large', vcpus: '4', memory: '8' },
] as const

export type Problems = Partial<
  Record<
    | 'name'
    | 'provider'
    | 'vcpus'
    | 'vcpusMax'
    | 'memoryMiB'
    | 'memoryMaxMiB'
    | 'boot'
    | 'disks'
    | 'sshKeys'
    | 'userData',
    string
  >
> & { sizes?: Record<string, string> }

/** What can be told to be wrong without asking the server; the server checks all of it again. */
export function problemsOf(draft: Draft): Problems {
  const problems: Problems = {}
  if (!draft.name.trim()) problems.name = 'It needs a name.'
  else if (!/^[a-z0-9][\w.-]{0,62}$/i.test(draft.name.trim()))
    problems.name = 'Letters, digits, - _ and . only, up to 63, beginning with a letter or digit.'
  if (!draft.provider) problems.provider = 'Choose a host.'
  if (!/^\d+$/.test(draft.vcpus.trim()) || Number(draft.vcpus) < 1 || Number(draft.vcpus) > 255)
    problems.vcpus = 'A whole number from 1 to 255.'
  const most = draft.vcpusMax.trim()
  if (most && (!/^\d+$/.test(most) || Number(most) < Number(draft.vcpus) || Number(most) > 255))
    problems.vcpusMax = 'A whole number from that of its vCPUs to 255.'
  problems.memoryMiB = memoryProblem(draft.memory)
  if (draft.memoryMax.trim())
    problems.memoryMaxMiB = memoryProblem(draft.memoryMax, parseSize(draft.memory) ?? undefined)
  if (draft.bootSize.trim()) problems.boot = sizeProblem(draft.bootSize)
  else if (!draft.image) problems.boot = 'Without an image the disk needs a size.'
  for (const { key, kind, size } of draft.disks) {
    const problem = kind === 'new' ? sizeProblem(size) : undefined
    if (problem) problems.sizes = { ...problems.sizes, [key]: problem }
  }
  if (draft.disks.some((disk) => disk.kind === 'volume' && !disk.volume)) problems.disks = 'Choose a volume for each.'
  const bad = keysOf(draft.sshKeys).find((key) => !/^(ssh-|ecdsa-|sk-)\S+ [A-Za-z0-9+/=]{16,}/.test(key))
  if (bad) problems.sshKeys = `This is no public key: ${bad.slice(0, 40)}${bad.length > 40 ? '…' : ''}`
  if (draft.userData.trim() && !/^(#cloud-config|#!|#include|Content-Type:)/.test(draft.userData))
    problems.userData = 'It has to begin with #cloud-config or #!.'
  return Object.fromEntries(Object.entries(problems).filter(([, problem]) => problem !== undefined))
}

/** What a VM of this takes of a quota. Volumes that are there already take nothing until they have been seen. */
export function takesOf(draft: Draft, imageBytes = 0): Amount {
  const bytes = (text: string) => parseSize(text) ?? 0
  const disks = [
    Math.max(bytes(draft.bootSize), imageBytes),
    ...draft.disks.map(({ kind, size }) => (kind === 'new' ? bytes(size) : 0)),
  ]
  return {
    VMS: 1,
    VCPUS: Number(draft.vcpus) || 0,
    MEMORY_MIB: Math.round(bytes(draft.memory) / MiB),
    DISK_MIB: disks.reduce((sum, each) => sum + Math.ceil(each / MiB), 0),
  }
}

export function keysOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line && !line.startsWith('#'))
}

type Network = { readonly name: string; readonly type: string }

/** What is sent. What was left alone is left out, so that the server's defaults hold. */
export function inputOf(draft: Draft, networks: readonly Network[], idempotencyKey: string) {
  const cloudInit = {
    hostname: draft.hostname.trim() || undefined,
    user: draft.user.trim() || undefined,
    sshKeys: keysOf(draft.sshKeys).length ? keysOf(draft.sshKeys) : undefined,
    userData: draft.userData.trim() ? draft.userData : undefined,
    networkConfig: draft.networkConfig.trim() ? draft.networkConfig : undefined,
  }
  const told = Object.values(cloudInit).some((value) => value !== undefined)
  const common = { format: 'qcow2', bus: 'virtio', readOnly: false, cdrom: false, clone: draft.clone }
  return {
    idempotencyKey,
    provider: draft.provider,
    name: draft.name.trim(),
    description: draft.description.trim() || undefined,
    vcpus: Number(draft.vcpus),
    vcpusMax: draft.vcpusMax.trim() ? Number(draft.vcpusMax) : undefined,
    memoryMiB: Math.round((parseSize(draft.memory) ?? 0) / MiB),
    memoryMaxMiB: draft.memoryMax.trim() ? Math.round((parseSize(draft.memoryMax) ?? 0) / MiB) : undefined,
    disks: [
      {
        ...common,
        image: draft.image || undefined,
        pool: draft.pool || undefined,
        capacityBytes: draft.bootSize.trim() ? parseSize(draft.bootSize) : undefined,
      },
      ...draft.disks.map((disk) =>
        disk.kind === 'new'
          ? { ...common, pool: disk.pool || undefined, capacityBytes: parseSize(disk.size) }
          : {
              ...common,
              volume: { pool: disk.pool, name: disk.volume },
              ...(disk.cdrom && { cdrom: true, readOnly: true, bus: 'sata' }),
            },
      ),
    ],
    networks: draft.nics.map(({ network, model }) => ({
      type: networks.find((each) => each.name === network)?.type ?? 'network',
      network,
      model,
    })),
    cloudInit: told ? cloudInit : undefined,
    firmware: draft.firmware,
    machineType: draft.machineType || undefined,
    accelerator: draft.accelerator || undefined,
    autostart: draft.autostart,
    start: draft.start,
    tags: draft.tags.trim() ? parseTags(draft.tags) : undefined,
  }
}
