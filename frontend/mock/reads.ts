import type { DB, Operation, VM } from './db'
import { ended } from './world'

export type VMFilter = {
  search?: string
  status?: string[]
  provider?: string[]
  hypervisorHost?: string[]
  hypervisorType?: string[]
  tags?: { key: string; value: string }[]
  management?: string
  ids?: string[]
  missing?: boolean
}
export type VMOrder = { field?: string; direction?: 'ASC' | 'DESC' }

export function matches(vm: VM, filter: VMFilter = {}, but?: 'status'): boolean {
  const { search, status, provider, hypervisorHost, hypervisorType, tags, management, ids, missing } = filter
  const text = [vm.name, vm.description, vm.ip, vm.id, ...vm.tags.flatMap((tag) => [tag.key, tag.value])]
    .join(' ')
    .toLowerCase()
  return (
    (!search ||
      search
        .toLowerCase()
        .split(/\s+/)
        .every((word) => text.includes(word))) &&
    (but === 'status' || !status?.length || status.includes(vm.status)) &&
    (!provider?.length || provider.includes(vm.providerId)) &&
    (!hypervisorHost?.length || hypervisorHost.includes(hostId(vm.providerId))) &&
    (!hypervisorType?.length || hypervisorType.includes(vm.hypervisorType)) &&
    (tags ?? []).every((tag) =>
      vm.tags.some((own) => own.key === tag.key && (!tag.value || own.value === tag.value)),
    ) &&
    (!management || vm.management === management) &&
    (!ids || ids.includes(vm.id)) &&
    (missing === undefined || missing === null || (vm.missingSince !== null) === missing)
  )
}

export const hostId = (providerId: string) => providerId.replace('prov_', 'host_')

const SORT: Record<string, (vm: VM) => string | number> = {
  NAME: (vm) => vm.name,
  STATUS: (vm) => vm.status,
  CREATED_AT: (vm) => vm.createdAt,
  UPDATED_AT: (vm) => vm.updatedAt,
  VCPUS: (vm) => vm.vcpus,
  MEMORY: (vm) => vm.memoryMiB,
}

export function listVMs(db: DB, filter: VMFilter = {}, order: VMOrder = {}): VM[] {
  const key = SORT[order?.field ?? 'NAME'] ?? ((vm: VM) => vm.name)
  const sign = order?.direction === 'DESC' ? -1 : 1
  return [...db.vms.values()]
    .filter((vm) => matches(vm, filter))
    .sort((a, b) => sign * compare(key(a), key(b)) || compare(a.id, b.id))
}

function compare(a: string | number, b: string | number) {
  return a < b ? -1 : a > b ? 1 : 0
}

export function countBy<T>(items: Iterable<T>, key: (item: T) => string): { status: string; count: number }[] {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1)
  return [...counts].map(([status, count]) => ({ status, count }))
}

export function page<T extends { id: string }>(all: T[], first: number, after?: string | null) {
  const begin = after ? all.findIndex((each) => each.id === after) + 1 : 0
  const edges = all.slice(begin, begin + first).map((node) => ({ cursor: node.id, node }))
  return {
    totalCount: all.length,
    edges,
    pageInfo: {
      hasNextPage: begin + first < all.length,
      hasPreviousPage: begin > 0,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  }
}

export type OperationFilter = {
  status?: string[]
  kind?: string[]
  target?: string
  provider?: string
  active?: boolean
}

export function listOperations(db: DB, filter: OperationFilter = {}): Operation[] {
  const { status, kind, target, provider, active } = filter ?? {}
  return [...db.operations.values()]
    .filter(
      (operation) =>
        !operation.parentId &&
        (!status?.length || status.includes(operation.status)) &&
        (!kind?.length || kind.includes(operation.kind)) &&
        (!target || operation.targetId === target) &&
        (!provider || operation.providerId === provider) &&
        (active === undefined || active === null || active === !ended(operation)),
    )
    .sort((a, b) => compare(b.createdAt, a.createdAt) || compare(b.id, a.id))
}
