'use client'
import {
  Environment,
  type FetchFunction,
  type GraphQLResponse,
  type MissingFieldHandler,
  Network,
  Observable,
  RecordSource,
  ROOT_TYPE,
  Store,
  type SubscribeFunction,
} from 'relay-runtime'
import { Fault, faultOfGraphQL, unreachable } from './fault'
import { countEvent } from './live'
import { leaveForSignIn } from './session'
import { socket } from './socket'

const fetchGraphQL: FetchFunction = async (request, variables) => {
  const body = JSON.stringify({ operationName: request.name, query: request.text, variables })
  const reading = request.operationKind === 'query'
  const answer = await post(body).catch((fault: Fault) => {
    // A connection that was cut under way is made anew; only what changes nothing is asked twice.
    if (reading && fault.facts.code === 'UNAVAILABLE') return pause(RETRY_AFTER).then(() => post(body))
    throw fault
  })
  if (!answer.data) throw answer.errors?.[0] ? faultOfGraphQL(answer.errors[0]) : unreachable()
  return answer as GraphQLResponse
}

const RETRY_AFTER = 400
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

type Answer = { data?: unknown; errors?: { message: string; extensions?: Record<string, unknown> }[] }

async function post(body: string): Promise<Answer> {
  const reply = await fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json, application/json' },
    body,
  }).catch(() => {
    throw unreachable()
  })
  if (reply.status === 401) {
    leaveForSignIn()
    throw new Fault({ code: 'UNAUTHORIZED', message: 'Your session has ended.', remedy: 'Sign in again.' })
  }
  return reply.json().catch(() => {
    throw unreachable()
  })
}

/**
 * A subscription that has an `after` variable resumes: the cursor of each message is written into the
 * variables, and the socket sends those anew whenever it had to connect again.
 */
const subscribeGraphQL: SubscribeFunction = (request, given) =>
  Observable.create<GraphQLResponse>((sink) => {
    const variables: Record<string, unknown> = { ...given }
    const resumable = request.text?.includes('$after') ?? false
    return socket().subscribe(
      { operationName: request.name, query: request.text ?? '', variables },
      {
        next: (message) => {
          const [payload] = Object.values(message.data ?? {})
          if (resumable && hasCursor(payload)) variables.after = payload.cursor
          countEvent()
          sink.next(message as GraphQLResponse)
        },
        error: (cause) => {
          const [first] = Array.isArray(cause) ? cause : []
          sink.error(first ? faultOfGraphQL(first) : unreachable())
        },
        complete: () => sink.complete(),
      },
    )
  })

function hasCursor(payload: unknown): payload is { cursor: string } {
  return typeof payload === 'object' && payload !== null && 'cursor' in payload
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
 * and the `id` of a memory cell is its number; those are kept where they stand.
 */
export function recordId(value: Record<string, unknown>, type: string): string | undefined {
  return typeof value.id === 'string' && !type.endsWith('Event') ? value.id : undefined
}

export function createEnvironment(fetchFn = fetchGraphQL, subscribeFn = subscribeGraphQL): Environment {
  return new Environment({
    network: Network.create(fetchFn, subscribeFn),
    store: new Store(new RecordSource(), { gcReleaseBufferSize: 20, queryCacheExpirationTime: null }),
    missingFieldHandlers,
    getDataID: recordId,
  })
}

let environment: Environment | undefined

/** The one store of this tab; sign-out drops it with the page. */
export function browserEnvironment(): Environment {
  environment ??= createEnvironment()
  return environment
}
