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
  const reply = await fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json, application/json' },
    body: JSON.stringify({ operationName: request.name, query: request.text, variables }),
  }).catch(() => {
    throw unreachable()
  })
  if (reply.status === 401) {
    leaveForSignIn()
    throw new Fault({ code: 'UNAUTHORIZED', message: 'Your session has ended.', remedy: 'Sign in again.' })
  }
  const body = await reply.json().catch(() => {
    throw unreachable()
  })
  if (!body.data) throw body.errors?.[0] ? faultOfGraphQL(body.errors[0]) : unreachable()
  return body
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

/** The `id` of an event is that of the thing it is about; only the thing itself is kept by it. */
function recordId(value: Record<string, unknown>, type: string) {
  return type.endsWith('Event') ? undefined : value.id
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
