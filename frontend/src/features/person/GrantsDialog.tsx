'use client'
import Link from 'next/link'
import { type ReactNode, Suspense, useState } from 'react'
import { graphql } from 'react-relay'
import type { GrantsDialogQuery } from '@/__generated__/GrantsDialogQuery.graphql'
import { refusal } from '@/lib/actions'
import { paths } from '@/lib/paths'
import { ROLE_NAME } from '@/lib/roles'
import { formatDay } from '@/lib/time'
import { useReading } from '@/relay/use-reading'
import { Age } from '@/ui/Age'
import { Button } from '@/ui/Button'
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog'
import { Bone } from '@/ui/page'
import { called, type Grant, type Person, whereOf } from './person'
import { RevokeRoleDialog } from './RevokeRoleDialog'

type Props = { person: Person; of: string; onDone: () => void; onClose: () => void }

/** All that somebody was given: what, where it counts, by whom, until when; and each to take back. */
export function GrantsDialog({ person, of, onDone, onClose }: Props) {
  const [taking, setTaking] = useState<Grant | null>(null)
  // What is shown is of when it was opened.
  const done = () => {
    onDone()
    onClose()
  }
  if (taking)
    return <RevokeRoleDialog person={person} grant={taking} of={of} onDone={done} onClose={() => setTaking(null)} />
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Roles of ${called(person)}`}
      note="On each thing the highest of them counts."
      wide
    >
      <DialogBody>
        <Suspense fallback={<Bone className="h-24" />}>
          <List person={person} onTake={setTaking} />
        </Suspense>
      </DialogBody>
      <DialogActions>
        <Button onClick={onClose}>Close</Button>
      </DialogActions>
    </Dialog>
  )
}

/** As many as an answer may name; more are told by their number alone. */
const NAMED = 200

function List({ person, onTake }: { person: Person; onTake: (grant: Grant) => void }) {
  const { grants, actions } = person
  const ids = [...new Set(grants.flatMap(({ on }) => on?.vms ?? []))].slice(0, NAMED)
  const { providers, vms } = useReading<GrantsDialogQuery>(
    graphql`
      query GrantsDialogQuery($ids: [ID!]!, $first: Int!, $some: Boolean!) {
        providers {
          id
          name
        }
        vms(first: $first, filter: { ids: $ids }) @include(if: $some) {
          edges {
            node {
              id
              name
            }
          }
        }
      }
    `,
    { ids, first: NAMED, some: ids.length > 0 },
  )
  const hosts = new Map(providers.map(({ id, name }) => [id, name]))
  const names = new Map(vms?.edges.map(({ node: { id, name } }) => [id, name]))
  const mayNot = refusal(actions, 'revokeRole')
  return (
    <ul aria-label="Roles" className="border-t">
      {grants.map((grant) => (
        <li
          key={grant.id}
          className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2 border-b border-line/70 py-2.5 last:border-0"
        >
          <div className="min-w-0 flex-1 basis-52">
            <p className="font-medium">{ROLE_NAME[grant.role]}</p>
            <ul aria-label="Where it counts" className="flex flex-wrap gap-x-2 wrap-anywhere">
              {placesOf(grant, hosts, names).map(({ key, place }) => (
                <li key={key} className="min-w-0">
                  {place}
                </li>
              ))}
            </ul>
            <p className="text-xs text-soft wrap-anywhere">
              {grant.source === 'ISSUER'
                ? `By the rules of ${person.issuer ?? 'their issuer'}`
                : `By ${grant.grantedBy}`}
              , <Age of={grant.createdAt} />
              {grant.expiresAt && `, until ${formatDay(grant.expiresAt)}`}
            </p>
          </div>
          <Button
            size="sm"
            aria-label={`Take back: ${ROLE_NAME[grant.role].toLowerCase()} ${whereOf(grant)}`}
            disabledReason={
              grant.source === 'ISSUER'
                ? 'Their issuer’s rules give it: change those, or the groups that they are in.'
                : mayNot
            }
            onClick={() => onTake(grant)}
          >
            Take back
          </Button>
        </li>
      ))}
    </ul>
  )
}

type Names = ReadonlyMap<string, string>

function placesOf({ on }: Grant, hosts: Names, vms: Names): { key: string; place: ReactNode }[] {
  if (!on) return [{ key: 'all', place: 'On everything' }]
  const gone = <span className="text-soft">one that is gone</span>
  const link = (href: string, name: string | undefined, kind: string) =>
    name ? (
      <>
        {kind}{' '}
        <Link
          href={href}
          prefetch={false}
          className="underline decoration-line underline-offset-2 hover:decoration-current"
        >
          {name}
        </Link>
      </>
    ) : (
      <>
        {kind} {gone}
      </>
    )
  return [
    ...on.providers.map((id) => ({ key: id, place: <>Host {hosts.get(id) ?? gone}</> })),
    ...on.vms.map((id) => ({ key: id, place: link(paths.vm(id), vms.get(id), 'VM') })),
    ...on.tags.map(({ key, value }) => ({
      key: `${key}=${value}`,
      place: (
        <>
          Tag <span className="font-mono text-xs">{value ? `${key}=${value}` : key}</span>
        </>
      ),
    })),
  ]
}
