'use client'
import Link from 'next/link'
import { type ReactNode, Suspense, useDeferredValue, useState } from 'react'
import { graphql } from 'react-relay'
import type { WhatMayAnswerQuery } from '@/__generated__/WhatMayAnswerQuery.graphql'
import type { WhatMayQuery } from '@/__generated__/WhatMayQuery.graphql'
import { Boundary } from '@/features/shell/Boundary'
import { DEEDS, deedOf } from '@/lib/deeds'
import { paths } from '@/lib/paths'
import { ROLE_NAME } from '@/lib/roles'
import { plural } from '@/lib/units'
import { usePaced } from '@/lib/use-paced'
import { useReading } from '@/relay/use-reading'
import { SelectField, TextField } from '@/ui/fields'
import { Bone, Facts } from '@/ui/page'
import { State } from '@/ui/State'

/** So many VMs are there to choose from at once; more are found by their names. */
const SHOWN = 100

const PERMISSIONS = Object.entries(DEEDS)
  .filter(([name]) => name !== 'signIn' && name !== 'signOut')
  .map(([value, { all, group }]) => ({ value, label: `${all} (${value})`, group }))

type Patch = { who?: string | null; may?: string | null; on?: string | null }
type Props = { params: URLSearchParams; onChange: (patch: Patch) => void }

/** What the policies say of one person, permission and thing, and by what. */
export function WhatMay({ params, onChange }: Props) {
  const [search, setSearch] = useState('')
  const [who, may, on] = [params.get('who') ?? '', params.get('may') ?? '', params.get('on') ?? '']
  const asked = useDeferredValue(usePaced(search.trim(), 300))
  const { people, providers, policies, vms, vm } = useReading<WhatMayQuery>(
    graphql`
      query WhatMayQuery($search: String, $first: Int!, $chosen: ID!, $isVM: Boolean!) {
        people {
          id
          name
          fullName
          active
        }
        providers {
          id
          name
        }
        policies {
          id
          name
        }
        vms(first: $first, filter: { search: $search }) {
          totalCount
          edges {
            node {
              id
              name
              provider {
                name
              }
            }
          }
        }
        vm(id: $chosen) @include(if: $isVM) {
          id
          name
          provider {
            name
          }
        }
      }
    `,
    { search: asked, first: SHOWN, chosen: on, isVM: on.startsWith('vm_') },
  )
  const found = vms.edges.map(({ node }) => node)
  const choices = vm && !found.some(({ id }) => id === vm.id) ? [vm, ...found] : found
  const many = search !== '' || vms.totalCount > SHOWN
  const person = people.find(({ id }) => id === who)
  const thing = choices.find(({ id }) => id === on) ?? providers.find(({ id }) => id === on)
  return (
    <div className="flex flex-col gap-4">
      <div className="grid items-start gap-x-3 gap-y-2 sm:grid-cols-2 lg:grid-cols-3">
        <SelectField
          label="Person"
          value={who}
          onChange={(next) => onChange({ who: next })}
          options={[
            { value: '', label: 'Choose somebody' },
            ...people.map(({ id, name, fullName }) => ({
              value: id,
              label: fullName ? `${fullName} (${name})` : name,
            })),
          ]}
        />
        <SelectField
          label="Permission"
          value={may}
          onChange={(next) => onChange({ may: next })}
          options={[{ value: '', label: 'Choose what to do' }, ...PERMISSIONS]}
        />
        <div className="flex min-w-0 flex-col gap-2">
          <SelectField
            label="On"
            value={on}
            onChange={(next) => onChange({ on: next })}
            hint={many ? `${plural(vms.totalCount, 'VM', 'VMs')} ${search ? 'match' : 'in all'}` : undefined}
            options={[
              { value: '', label: 'Nothing in particular' },
              ...providers.map(({ id, name }) => ({ value: id, label: name, group: 'Hosts' })),
              ...choices.map(({ id, name, provider }) => ({
                value: id,
                label: `${name} on ${provider.name}`,
                group: 'Virtual machines',
              })),
            ]}
          />
          {many && (
            <TextField label="Find a VM" value={search} onChange={setSearch} autoComplete="off" spellCheck={false} />
          )}
        </div>
      </div>
      {person && may ? (
        <Boundary of={[who, may, on].join()}>
          <Suspense fallback={<Bone className="h-24" />}>
            <Answer person={person} permission={may} on={on || null} thing={thing?.name} policies={policies} />
          </Suspense>
        </Boundary>
      ) : (
        <p className="text-soft">Choose somebody and what they are to do; a VM or a host, if it is about one.</p>
      )}
    </div>
  )
}

type AnswerProps = {
  person: { readonly id: string; readonly name: string; readonly fullName: string; readonly active: boolean }
  permission: string
  on: string | null
  thing?: string
  policies: readonly { readonly id: string; readonly name: string }[]
}

function Answer({ person, permission, on, thing, policies }: AnswerProps) {
  const { whatMay } = useReading<WhatMayAnswerQuery>(
    graphql`
      query WhatMayAnswerQuery($person: ID!, $permission: String!, $on: ID) {
        whatMay(person: $person, permission: $permission, on: $on) {
          allowed
          policies
          leastRole
          role
        }
      }
    `,
    { person: person.id, permission, on },
  )
  const { allowed, leastRole, role } = whatMay
  const { all } = deedOf(permission)
  const what = `${all.charAt(0).toLowerCase()}${all.slice(1)}`
  return (
    <div role="status" className="rounded-md border px-4 py-3">
      <p className="text-base">
        <State tone={allowed ? 'good' : 'bad'} word={allowed ? 'Yes' : 'No'} className="mr-2" />
        {person.fullName || person.name} {allowed ? 'may' : 'may not'} {what}
        {thing && (
          <>
            {' '}
            on <span className="font-medium">{thing}</span>
          </>
        )}
        .
      </p>
      <div className="mt-2">
        <Facts
          items={[
            ['Because', <Because key="because" person={person} decision={whatMay} policies={policies} />],
            // Theirs on that very thing: roles may be of a part of the things.
            [thing ? 'Their role on it' : 'Their role', ROLE_NAME[role]],
            ['Least role that has it', ROLE_NAME[leastRole]],
          ]}
        />
      </div>
    </div>
  )
}

type BecauseProps = {
  person: AnswerProps['person']
  decision: Pick<WhatMayAnswerQuery['response']['whatMay'], 'allowed' | 'policies'>
  policies: AnswerProps['policies']
}

function Because({ person, decision: { allowed, policies: by }, policies }: BecauseProps): ReactNode {
  if (!person.active) return 'Their account is switched off.'
  if (by.length === 0) return 'Nothing permits it: neither their role nor a policy.'
  return (
    <>
      {by.map((each, index) => (
        <span key={each}>
          {index > 0 && ', '}
          <Policy name={each} policies={policies} />
        </span>
      ))}{' '}
      {allowed ? (by.length > 1 ? 'permit it.' : 'permits it.') : by.length > 1 ? 'forbid it.' : 'forbids it.'}
    </>
  )
}

/** One of the organisation’s is `name` or `name/number`; the house’s have names of their own. */
function Policy({ name, policies }: { name: string; policies: AnswerProps['policies'] }) {
  const own = policies.find((each) => name === each.name || name.startsWith(`${each.name}/`))
  if (own)
    return (
      <Link
        href={paths.policies({ edit: own.id })}
        prefetch={false}
        className="font-medium underline decoration-line underline-offset-2 hover:decoration-current"
      >
        {name}
      </Link>
    )
  if (name.startsWith('roles-')) return `The role (${name})`
  return <span className="font-medium">{name}</span>
}
