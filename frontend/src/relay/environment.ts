'use client'
import { Environment, type MissingFieldHandler, RecordSource, ROOT_TYPE, Store } from 'relay-runtime'
import { unreachable } from './fault'
import { type Answer, createNetwork, type Request, type Ways } from './network'
import { leaveForSignIn } from './session'
import { socket } from './socket'

async function post(request: Request): Promise<Answer> {
  const reply = await fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json, application/json' },
    body: JSON.stringify(request),
  }).catch(() => {
    throw unreachable()
  })
  if (reply.status === 401) {
    leaveForSignIn()
    return new Promise(() => {}) // the page is left: nothing on it is to be told
  }
  return reply.json().catch(() => {
    throw unreachable()
  })
}

const server: Ways = {
  ask: post,
  listen: (request, sink) => socket().subscribe<Record<string, unknown>>(request, sink),
}

/** `vm(id:)` and its like are things the store may have already, by their id. */
const byId = ['node', 'vm', 'provider', 'hypervisorHost', 'operation', 'image']
const missingFieldHandlers: MissingFieldHandler[] = [
  {
    kind: 'linked',
    handle: (field, parent, args) =>
      parent?.getType() === ROOT_TYPE && byId.includes(field.name) ? (args as { id?: string }).id : undefined,
  },
]

/**
 * By what the store knows a thing: its global id. The `id` of an event is that of the thing it is about,
 * and the `id` of a memory cell is its number; those are kept where they stand. The viewer has the id of a person, and
 * is kept apart: what somebody may do is not what they may do as they ask.
 */
export function recordId(value: Record<string, unknown>, type: string): string | undefined {
  if (typeof value.id !== 'string' || type.endsWith('Event')) return undefined
  return type === 'Viewer' ? `viewer:${value.id}` : value.id
}

export function createEnvironment(ways: Ways): Environment {
  return new Environment({
    network: createNetwork(ways),
    store: new Store(new RecordSource(), { gcReleaseBufferSize: 20, queryCacheExpirationTime: null }),
    missingFieldHandlers,
    getDataID: recordId,
  })
}

let environment: Environment | undefined

/** The one store of this tab; sign-out drops it with the page. */
export function browserEnvironment(): Environment {
  environment ??= createEnvironment(server)
  return environment
}
