import { parseQuery, valuesOf } from '@/lib/filter'
import { STATUS, STATUSES, type VMStatus } from './status'

export const VM_KEYS = ['status', 'host', 'tag', 'is'] as const

export type VMFilter = {
  search?: string
  status?: VMStatus[]
  hypervisorHost?: string[]
  tags?: { key: string; value: string }[]
  management?: 'MANAGED' | 'DISCOVERED'
  missing?: boolean
}

export type KnownHost = { readonly id: string; readonly name: string; readonly provider: { readonly name: string } }

/** Fields and directions of the list's sort, as they stand in the address: `-memory` is largest first. */
export const SORTS = {
  name: { field: 'NAME', label: 'Name' },
  status: { field: 'STATUS', label: 'State' },
  vcpus: { field: 'VCPUS', label: 'vCPUs' },
  memory: { field: 'MEMORY', label: 'Memory' },
  created: { field: 'CREATED_AT', label: 'Age' },
  changed: { field: 'UPDATED_AT', label: 'Last change' },
} as const

export type SortKey = keyof typeof SORTS

export function parseSort(text: string | null): { key: SortKey; direction: 'ASC' | 'DESC' } {
  const down = text?.startsWith('-') ?? false
  const key = (down ? text?.slice(1) : text) ?? ''
  return key in SORTS ? { key: key as SortKey, direction: down ? 'DESC' : 'ASC' } : { key: 'name', direction: 'ASC' }
}

/** Nothing for the default, so that a plain list has a plain address. */
export function formatSort(key: SortKey, direction: 'ASC' | 'DESC'): string | null {
  if (key === 'name' && direction === 'ASC') return null
  return `${direction === 'DESC' ? '-' : ''}${key}`
}

/**
 * What the text asks of the API. A term that means nothing is told as a problem, not left out in
 * silence: `host:kvm-9` when there is no such host would else show all VMs.
 */
export function toVMFilter(text: string, hosts: readonly KnownHost[]): { filter: VMFilter; problems: string[] } {
  const query = parseQuery(text, VM_KEYS)
  const filter: VMFilter = {}
  const problems: string[] = []
  if (query.words.length) filter.search = query.words.join(' ')

  const statuses: VMStatus[] = []
  for (const value of valuesOf(query, 'status')) {
    const found = STATUSES.find(
      (status) => status === value.toUpperCase() || STATUS[status].word.toUpperCase() === value.toUpperCase(),
    )
    if (found) statuses.push(found)
    else problems.push(`There is no status “${value}”.`)
  }
  if (statuses.length) filter.status = statuses

  const ids: string[] = []
  for (const value of valuesOf(query, 'host')) {
    const found = hosts.filter((host) =>
      [host.name, host.provider.name, host.id].some((name) => name.toLowerCase() === value.toLowerCase()),
    )
    ids.push(...found.map((host) => host.id))
    if (found.length === 0) problems.push(`There is no host “${value}”.`)
  }
  if (ids.length) filter.hypervisorHost = ids

  const tags = valuesOf(query, 'tag').map((tag) => {
    const [key = '', ...value] = tag.split('=')
    return { key, value: value.join('=') }
  })
  if (tags.length) filter.tags = tags

  for (const value of valuesOf(query, 'is')) {
    if (value === 'managed') filter.management = 'MANAGED'
    else if (value === 'discovered') filter.management = 'DISCOVERED'
    else if (value === 'missing') filter.missing = true
    else problems.push(`“is:${value}” means nothing; there are is:managed, is:discovered and is:missing.`)
  }
  return { filter, problems }
}
