import {
  type FetchFunction,
  type GraphQLResponse,
  getRequest,
  graphql,
  Network,
  Observable,
  type RequestParameters,
  type SubscribeFunction,
} from 'relay-runtime'
import { Fault, faultOfGraphQL, unreachable } from './fault'
import { Feed } from './feed'
import { countEvent } from './live'

export type Request = { operationName: string; query: string; variables: Record<string, unknown> }
export type Answer = {
  data?: Record<string, unknown> | null
  errors?: readonly { message: string; extensions?: Record<string, unknown> }[]
}
export type Sink = { next: (message: Answer) => void; error: (cause: unknown) => void; complete: () => void }

/** The two ways to the server: a question with its answer, and a stream that goes on by itself, from its `after`. */
export type Ways = { ask: (request: Request) => Promise<Answer>; listen: (request: Request, sink: Sink) => () => void }

const AGAIN_AFTER = [400, 1_500]
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const requestOf = ({ name, text }: RequestParameters, variables: Record<string, unknown>): Request => ({
  operationName: name,
  query: text ?? '',
  variables,
})

const START = graphql`
  query networkStartQuery {
    eventCursor
  }
`
/** The smallest question there is: who may not ask it is not signed in. */
export const startRequest = () => requestOf(getRequest(START).params, {})

/** A tab begins with a place in the log, asked before all else, and follows the log from there: nothing is lost. */
export function createNetwork({ ask, listen }: Ways): ReturnType<typeof Network.create> {
  let beginning: Promise<Feed> | undefined
  const begin = () => {
    beginning ??= patiently(() => ask(startRequest())).then(({ data }) => new Feed(String(data?.eventCursor)))
    beginning.catch(() => {
      beginning = undefined
    })
    return beginning
  }

  const fetch: FetchFunction = async (request, variables) => {
    const feed = await begin()
    const mark = feed.mark()
    const once = () => ask(requestOf(request, variables))
    // Only what changes nothing is asked twice.
    const answer = await (request.operationKind === 'query' ? patiently(once) : once())
    if (!answer.data) throw answer.errors?.[0] ? faultOfGraphQL(answer.errors[0]) : unreachable()
    setTimeout(() => feed.settle(mark)) // by then it is in the store
    return answer as GraphQLResponse
  }

  const subscribe: SubscribeFunction = (request, given) =>
    Observable.create<GraphQLResponse>((sink) => {
      let over = false
      let end = () => {}
      const follow = (feed: Feed) => {
        if (over) return
        let stop = () => {}
        const follower = feed.follow((after) => {
          stop()
          stop = hear(after)
        })
        const hear = (after: string) => {
          let current = true
          const variables: Record<string, unknown> = { ...given, after }
          const hush = listen(requestOf(request, variables), {
            next: (message) => {
              if (!current) return
              const batch = batchOf(message)
              if (batch) {
                variables.after = batch.cursor // where the socket goes on when it has had to connect anew
                feed.told(follower, batch.cursor, hasNews(batch))
              }
              countEvent()
              sink.next(message as GraphQLResponse)
            },
            error: (cause) => current && sink.error(faultOfStream(cause)),
            complete: () => current && sink.complete(),
          })
          return () => {
            current = false
            hush()
          }
        }
        stop = hear(follower.place.cursor)
        end = () => {
          feed.leave(follower)
          stop()
        }
      }
      begin().then(follow, (cause) => !over && sink.error(cause))
      return () => {
        over = true
        end()
      }
    })

  return Network.create(fetch, subscribe)
}

/** A connection that was cut under way is made anew. */
async function patiently(ask: () => Promise<Answer>): Promise<Answer> {
  for (const wait of AGAIN_AFTER) {
    try {
      return await ask()
    } catch (cause) {
      if (!(cause instanceof Fault) || cause.facts.code !== 'UNAVAILABLE') throw cause
      await pause(wait)
    }
  }
  return ask()
}

function faultOfStream(cause: unknown): Fault {
  const [first] = Array.isArray(cause) ? cause : []
  return first ? faultOfGraphQL(first) : unreachable()
}

type Batch = { cursor: string; missed?: boolean }

function batchOf({ data }: Answer): Batch | undefined {
  const [payload] = Object.values(data ?? {})
  return typeof payload === 'object' && payload !== null && 'cursor' in payload ? (payload as Batch) : undefined
}

const hasNews = (batch: Batch) =>
  batch.missed || Object.values(batch).some((value) => Array.isArray(value) && value.length > 0)
