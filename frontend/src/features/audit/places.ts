'use client'
import { useEffect, useRef, useState } from 'react'
import { fetchQuery, graphql, useRelayEnvironment } from 'react-relay'
import type { placesQuery } from '@/__generated__/placesQuery.graphql'
import { paths } from '@/lib/paths'

/** Where a thing is, and what it is called now. */
export type Place = { href: string; name: string }
type Target = { readonly targetType: string; readonly targetId: string | null | undefined }

const none: ReadonlyMap<string, Place> = new Map()

const query = graphql`
  query placesQuery(
    $vms: [ID!]!
    $first: Int!
    $anyVM: Boolean!
    $anyProvider: Boolean!
    $anyImage: Boolean!
    $anyPerson: Boolean!
    $anyPolicy: Boolean!
  ) {
    vms(first: $first, filter: { ids: $vms }) @include(if: $anyVM) {
      edges {
        node {
          id
          name
        }
      }
    }
    providers @include(if: $anyProvider) {
      id
      name
      hosts {
        id
      }
    }
    images @include(if: $anyImage) {
      id
      name
    }
    people @include(if: $anyPerson) {
      id
      name
    }
    policies @include(if: $anyPolicy) {
      id
      name
    }
  }
`

/**
 * The pages of what lines are about, by id, for what is still there. They come after the lines, which are whole
 * without them, and are asked for once.
 */
export function usePlaces(targets: readonly Target[]): ReadonlyMap<string, Place> {
  const environment = useRelayEnvironment()
  const [places, setPlaces] = useState(none)
  const asked = useRef(new Set<string>())
  const key = targets.map(({ targetType, targetId }) => (targetId ? `${targetType} ${targetId}` : '')).join(',')
  useEffect(() => {
    const fresh = key.split(',').filter((each) => each && !asked.current.has(each))
    const of = (type: string) =>
      fresh.flatMap((each) => (each.startsWith(`${type} `) ? each.slice(type.length + 1) : []))
    const any = (type: string) => of(type).length > 0
    const vms = [...new Set(of('VM'))]
    const variables = {
      vms,
      first: Math.max(1, vms.length),
      anyVM: any('VM'),
      anyProvider: any('PROVIDER'),
      anyImage: any('IMAGE'),
      anyPerson: any('PERSON'),
      anyPolicy: any('POLICY'),
    }
    if (!Object.values(variables).includes(true)) return
    const reading = fetchQuery<placesQuery>(environment, query, variables).subscribe({
      next: (data) => {
        for (const each of fresh) asked.current.add(each)
        setPlaces((before) => new Map([...before, ...placesOf(data)]))
      },
      // Names without a way to the thing are names all the same.
      error: () => {},
    })
    return () => reading.unsubscribe()
  }, [environment, key])
  return places
}

function placesOf({ vms, providers, images, people, policies }: placesQuery['response']): [string, Place][] {
  return [
    ...(vms?.edges ?? []).map(({ node: { id, name } }): [string, Place] => [id, { name, href: paths.vm(id) }]),
    ...(providers ?? []).map(({ id, name, hosts }): [string, Place] => [
      id,
      { name, href: hosts[0] ? paths.host(hosts[0].id) : paths.hosts() },
    ]),
    ...(images ?? []).map(({ id, name }): [string, Place] => [id, { name, href: paths.images() }]),
    ...(people ?? []).map(({ id, name }): [string, Place] => [id, { name, href: paths.people(name) }]),
    ...(policies ?? []).map(({ id, name }): [string, Place] => [id, { name, href: paths.policies({ edit: id }) }]),
  ]
}
