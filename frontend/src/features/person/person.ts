import type { PersonRow_person$data } from '@/__generated__/PersonRow_person.graphql'
import { parseTags, type Tag } from '@/features/vm/tags'
import { ROLE_NAME } from '@/lib/roles'
import { formatDay } from '@/lib/time'
import { plural } from '@/lib/units'

export type Person = Omit<PersonRow_person$data, ' $fragmentType'>
export type Grant = Person['grants'][number]

/** What people call them. */
export const called = ({ fullName, name }: Pick<Person, 'fullName' | 'name'>) => fullName || name

type Roles = Pick<Person, 'issuer' | 'role' | 'roleByHand' | 'roleByHandEnds' | 'roleByIssuer'>

/** Where their role comes from; where both sources give one, which of them gives which. */
export function roleSource({ issuer, role, roleByHand, roleByHandEnds, roleByIssuer }: Roles): string {
  const both = roleByHand && roleByIssuer && roleByHand !== roleByIssuer
  const what = (each: typeof role) => (both ? `${ROLE_NAME[each].toLowerCase()} ` : '')
  const until = roleByHandEnds ? ` until ${formatDay(roleByHandEnds)}` : ''
  const sources = [
    roleByHand && `${what(roleByHand)}by hand${until}`,
    roleByIssuer && `${what(roleByIssuer)}by the rules of ${issuer ?? 'their issuer'}`,
  ].filter(Boolean)
  return sources.join(', ')
}

/** Where a role counts: `on everything`, `on 2 VMs, team=web`. */
export function whereOf({ on }: Pick<Grant, 'on'>): string {
  if (!on) return 'on everything'
  const parts = [
    on.providers.length && plural(on.providers.length, 'host'),
    on.vms.length && plural(on.vms.length, 'VM'),
    ...on.tags.map(({ key, value }) => `${key}=${value}`),
  ].filter(Boolean)
  return `on ${parts.join(', ')}`
}

type Parts = { readonly grants: readonly Pick<Grant, 'role' | 'on' | 'expiresAt'>[] }

/** What they may do with a part of the organisation’s things, beside what they may do with all. */
export function partsOf({ grants }: Parts): string[] {
  return grants.flatMap((grant) => {
    const { role, on, expiresAt } = grant
    const until = expiresAt ? ` until ${formatDay(expiresAt)}` : ''
    return on ? `${ROLE_NAME[role].toLowerCase()} ${whereOf(grant)}${until}` : []
  })
}

/** A part as it is chosen; tags as they are typed. */
export type PartDraft = { providers: string[]; vms: { id: string; name: string }[]; tags: string }
export const NO_PART: PartDraft = { providers: [], vms: [], tags: '' }

/** The part as it is sent; undefined when it is nothing. */
export function partOf({ providers, vms, tags }: PartDraft) {
  const all: Tag[] = parseTags(tags)
  if (providers.length + vms.length + all.length === 0) return undefined
  return { providers, vms: vms.map(({ id }) => id), tags: all }
}

type Searched = Pick<Person, 'name' | 'fullName' | 'email' | 'issuer' | 'role' | 'active'>

/** Whether each word of the text is somewhere in what the list shows of them. */
export function matches(person: Searched, text: string): boolean {
  const { name, fullName, email, issuer, role, active } = person
  const shown = [name, fullName, email, issuer ?? 'password', ROLE_NAME[role], active ? 'active' : 'switched off']
  const all = shown.join('\n').toLowerCase()
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word))
}
