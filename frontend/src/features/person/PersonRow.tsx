'use client'
import { Menu } from '@base-ui/react/menu'
import { Ellipsis } from 'lucide-react'
import { graphql, useFragment } from 'react-relay'
import type { PersonRow_person$key } from '@/__generated__/PersonRow_person.graphql'
import { ROLE_NAME } from '@/lib/roles'
import { Age } from '@/ui/Age'
import { cx } from '@/ui/cx'
import { State } from '@/ui/State'
import { Tip } from '@/ui/Tip'
import { type Person, partsOf, roleSource } from './person'

/** Person, Signs in by, Role, State, Last seen, and the menu; on a phone a card of three lines. */
export const COLUMNS =
  'grid gap-x-4 grid-cols-[minmax(0,1fr)_auto_2.25rem] ' +
  'md:grid-cols-[minmax(0,2fr)_minmax(5rem,1fr)_minmax(0,1.9fr)_6.5rem_5.5rem_2rem] md:items-center'

/** One menu serves all rows. */
export const personMenu = Menu.createHandle<Person>()

export function PersonRow({ person: ref, own }: { person: PersonRow_person$key; own: boolean }) {
  const person = useFragment(
    graphql`
      fragment PersonRow_person on Person {
        id
        name
        fullName
        email
        issuer
        role
        roleByHand
        roleByHandEnds
        roleByIssuer
        grants {
          id
          role
          on {
            providers
            vms
            tags {
              key
              value
            }
          }
          source
          grantedBy
          createdAt
          expiresAt
        }
        active
        lastSeenAt
        actions {
          name
          allowed
          reason
          remedy
        }
      }
    `,
    ref,
  )
  const { name, fullName, email, issuer, role, active, lastSeenAt } = person
  const more = [fullName, email !== name && email].filter(Boolean).join(' · ')
  const label = `Actions for ${name}`
  return (
    <div
      role="row"
      className={cx(COLUMNS, 'min-h-13 gap-y-1 border-b border-line/70 py-2 md:px-2', !active && 'text-soft')}
    >
      <div role="cell" className="min-w-0 max-md:col-span-2">
        <p className="wrap-anywhere">
          <span className="font-medium">{name}</span> {own && <span className="ml-1 text-xs text-brand">you</span>}
        </p>
        {more && <p className="text-xs text-soft wrap-anywhere">{more}</p>}
      </div>
      <div role="cell" className="min-w-0 text-soft wrap-anywhere max-md:row-start-3 max-md:text-xs">
        {issuer ?? 'Password'}
      </div>
      <div role="cell" className="min-w-0 max-md:row-start-2">
        <p className="max-md:inline">{ROLE_NAME[role]}</p>{' '}
        <p className="text-xs text-soft wrap-anywhere max-md:inline">{roleSource(person)}</p>
        {partsOf(person).map((part) => (
          <p key={part} className="text-xs text-soft wrap-anywhere">
            {part}
          </p>
        ))}
      </div>
      <div role="cell" className="max-md:col-span-2 max-md:col-start-2 max-md:row-start-2 max-md:justify-self-end">
        {active ? <State tone="good" word="Active" /> : <State tone="idle" word="Switched off" />}
      </div>
      <div
        role="cell"
        className="text-soft max-md:col-span-2 max-md:col-start-2 max-md:row-start-3 max-md:justify-self-end max-md:text-xs"
      >
        {lastSeenAt ? (
          <>
            <span className="md:sr-only">seen </span>
            <Age of={lastSeenAt} />
          </>
        ) : issuer ? (
          'never seen'
        ) : (
          // What is kept is when an issuer last vouched for them.
          <span className="max-md:hidden">
            <span aria-hidden>–</span>
            <span className="sr-only">not kept</span>
          </span>
        )}
      </div>
      <div
        role="cell"
        className="max-md:col-start-3 max-md:row-start-1 max-md:-my-1.5 max-md:-mr-3 max-md:justify-self-end"
      >
        <Tip text={label}>
          <Menu.Trigger
            handle={personMenu}
            payload={person}
            aria-label={label}
            className="flex size-7 items-center justify-center rounded-md hover:bg-hover pointer-coarse:size-10"
          >
            <Ellipsis aria-hidden className="size-4" />
          </Menu.Trigger>
        </Tip>
      </div>
    </div>
  )
}
