'use client'
import { Menu } from '@base-ui/react/menu'
import { Lock, Plus } from 'lucide-react'
import Link from 'next/link'
import { Suspense, useState } from 'react'
import { graphql } from 'react-relay'
import type { PeoplePageQuery } from '@/__generated__/PeoplePageQuery.graphql'
import type { PeoplePageViewerQuery } from '@/__generated__/PeoplePageViewerQuery.graphql'
import { paths } from '@/lib/paths'
import type { Role } from '@/lib/roles'
import { formatCount, plural } from '@/lib/units'
import { useURLState } from '@/lib/use-url'
import { useMayNot } from '@/relay/use-may'
import { useReading } from '@/relay/use-reading'
import { Button } from '@/ui/Button'
import { cx } from '@/ui/cx'
import { MenuEntries, MenuSheet } from '@/ui/Menu'
import { Bone, Empty, PageBody, PageHeader } from '@/ui/page'
import { SearchBox } from '@/ui/SearchBox'
import { AddPersonDialog } from './AddPersonDialog'
import { GrantRoleDialog } from './GrantRoleDialog'
import { GrantsDialog } from './GrantsDialog'
import { COLUMNS, PersonRow, personMenu } from './PersonRow'
import { matches, type Person } from './person'
import { ResetPasswordDialog } from './ResetPasswordDialog'
import { RevokeRoleDialog } from './RevokeRoleDialog'
import { SetActiveDialog } from './SetActiveDialog'
import { entriesOf, type PersonVerb } from './verbs'

type Viewer = { readonly id: string; readonly role: Role; readonly tenant: { readonly name: string } }

/** Who works for the organisation, and who may what. For administrators. */
export function PeoplePage() {
  const mayNot = useMayNot('ADMIN')
  const { viewer } = useReading<PeoplePageViewerQuery>(
    graphql`
      query PeoplePageViewerQuery {
        viewer {
          id
          role
          tenant {
            name
          }
        }
      }
    `,
    {},
  )
  const [adding, setAdding] = useState(false)
  const [fetchKey, setFetchKey] = useState(0)
  const again = () => setFetchKey((before) => before + 1)
  const [params, setParams] = useURLState()
  const text = params.get('q') ?? ''
  const onText = (q: string, how?: 'push' | 'replace') => setParams({ q }, how)
  return (
    <>
      <PageHeader
        title="People"
        crumbs={
          <>
            <Link href={paths.settings()} className="hover:underline">
              Settings
            </Link>{' '}
            /
          </>
        }
        note={`Who works for ${viewer.tenant.name}, and who may what.`}
        actions={
          <Button
            look="primary"
            icon={<Plus aria-hidden className="size-4" />}
            disabledReason={mayNot}
            onClick={() => setAdding(true)}
          >
            Add a person
          </Button>
        }
      />
      <PageBody>
        {mayNot ? (
          <Empty icon={<Lock aria-hidden />} title="People are for administrators to see">
            {mayNot}
          </Empty>
        ) : (
          <>
            <div className="mb-3 flex">
              <SearchBox
                label="Search people"
                placeholder="Name, address, issuer or role"
                text={text}
                onText={onText}
              />
            </div>
            <Suspense fallback={<Bones />}>
              <List viewer={viewer} fetchKey={fetchKey} text={text} onClear={() => onText('')} onChange={again} />
            </Suspense>
          </>
        )}
      </PageBody>
      {adding && <AddPersonDialog own={viewer.role} onDone={again} onClose={() => setAdding(false)} />}
    </>
  )
}

type ListProps = { viewer: Viewer; fetchKey: number; text: string; onClear: () => void; onChange: () => void }

function List({ viewer, fetchKey, text, onClear, onChange }: ListProps) {
  const { people } = useReading<PeoplePageQuery>(
    graphql`
      query PeoplePageQuery {
        people {
          id
          name
          fullName
          email
          issuer
          role
          active
          ...PersonRow_person
        }
      }
    `,
    {},
    fetchKey,
  )
  const [act, setAct] = useState<{ verb: PersonVerb; person: Person } | null>(null)
  const shown = people.filter((person) => matches(person, text))
  if (shown.length === 0)
    return (
      <Empty title="Nobody matches" action={<Button onClick={onClear}>Clear search</Button>}>
        Each word has to match.
      </Empty>
    )
  return (
    <>
      <div role="table" aria-label="People">
        <Heads />
        <div role="rowgroup">
          {shown.map((person) => (
            <PersonRow key={person.id} person={person} own={person.id === viewer.id} />
          ))}
        </div>
      </div>
      <p role="status" className="mt-3 text-xs text-soft md:px-2">
        {shown.length < people.length
          ? `${formatCount(shown.length)} of ${formatCount(people.length)} people`
          : plural(people.length, 'person', 'people')}
      </p>
      <Menu.Root handle={personMenu}>
        {({ payload: person }) => (
          <MenuSheet>
            {person && <MenuEntries entries={entriesOf(person, (verb) => setAct({ verb, person }))} />}
          </MenuSheet>
        )}
      </Menu.Root>
      {act && <ActDialog {...act} viewer={viewer} onClose={() => setAct(null)} onChange={onChange} />}
    </>
  )
}

type ActProps = { verb: PersonVerb; person: Person; viewer: Viewer; onClose: () => void; onChange: () => void }

function ActDialog({ verb, person, viewer, onClose, onChange }: ActProps) {
  switch (verb) {
    case 'grantRole':
      return <GrantRoleDialog person={person} own={viewer.role} onClose={onClose} />
    case 'grants':
      return <GrantsDialog person={person} of={viewer.tenant.name} onDone={onChange} onClose={onClose} />
    case 'revokeRole':
      return <RevokeRoleDialog person={person} of={viewer.tenant.name} onDone={onChange} onClose={onClose} />
    case 'setPersonActive':
      return <SetActiveDialog person={person} onClose={onClose} />
    case 'resetPassword':
      return <ResetPasswordDialog person={person} own={person.id === viewer.id} onClose={onClose} />
  }
}

function Heads() {
  return (
    <div role="rowgroup">
      <div role="row" className={cx(COLUMNS, 'h-8 border-b text-xs text-soft max-md:sr-only md:px-2')}>
        {['Person', 'Signs in by', 'Role', 'State', 'Last seen'].map((label) => (
          <span key={label} role="columnheader">
            {label}
          </span>
        ))}
        <span role="columnheader">
          <span className="sr-only">Actions</span>
        </span>
      </div>
    </div>
  )
}

function Bones() {
  return (
    <div role="status" aria-label="Loading people">
      <div className="h-8 border-b max-md:hidden" />
      {Array.from({ length: 8 }, (_, row) => (
        <div key={row} className="flex h-[57px] items-center border-b border-line/70 max-md:h-28 md:px-2">
          <Bone className={cx('h-3.5', ['w-2/3', 'w-1/2', 'w-3/5'][row % 3])} />
        </div>
      ))}
    </div>
  )
}
