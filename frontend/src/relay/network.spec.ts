import type { RequestParameters } from 'relay-runtime'
import { expect, test } from 'vitest'
import { unreachable } from './fault'
import { type Answer, createNetwork, type Request, type Sink } from './network'

type Asked = Request & { answer: (data: Answer['data']) => Promise<void>; fail: () => Promise<void> }
type Stream = Request & Sink & { open: boolean }

/** Long enough for all that waits for nothing. */
const settled = () => new Promise<void>((resolve) => setTimeout(resolve, 5))

/** A server whose every word waits to be said, and a store of one VM's status that believes the last word. */
function stage() {
  const asked: Asked[] = []
  const streams: Stream[] = []
  const network = createNetwork({
    ask: (request) =>
      new Promise((resolve, reject) => {
        asked.push({
          ...request,
          answer: (data) => {
            resolve({ data })
            return settled()
          },
          fail: () => {
            reject(unreachable())
            return settled()
          },
        })
      }),
    listen: (request, sink) => {
      // As graphql-ws does: the variables are read anew whenever it has to connect again.
      const stream: Stream = Object.assign(sink, request, { open: true })
      streams.push(stream)
      return () => {
        stream.open = false
        sink.complete()
      }
    },
  })
  const shown = { status: '' }
  const ended: string[] = []
  const document = (operationKind: string, name: string) =>
    ({ operationKind, name, text: `${operationKind} ${name}`, metadata: {}, id: null }) as unknown as RequestParameters
  const read = () =>
    network.execute(document('query', 'List'), {}, { force: true }).subscribe({
      next: (answer: unknown) => {
        shown.status = (answer as { data: { status: string } }).data.status
      },
      error: () => ended.push('List'),
    })
  const follow = () =>
    network.execute(document('subscription', 'Events'), {}, { force: true }).subscribe({
      next: (message: unknown) => {
        for (const status of (message as { data: { events: { changes: string[] } } }).data.events.changes)
          shown.status = status
      },
      complete: () => ended.push('Events'),
    })
  const tell = (stream: Stream | undefined, cursor: string, ...changes: string[]) =>
    stream?.next({ data: { events: { cursor, missed: false, changes } } })
  const started = async (cursor: string) => {
    await settled()
    expect(asked.map((request) => request.operationName)).toEqual(['networkStartQuery'])
    await asked.shift()?.answer({ eventCursor: cursor })
  }
  const live = () => streams.filter((stream) => stream.open)
  const followed = () => live().map((stream) => stream.variables.after)
  return { asked, live, followed, shown, ended, read, follow, tell, started }
}

test('a place in the log is asked for before all else, and followed from there', async () => {
  const { asked, followed, read, follow, started } = stage()
  read()
  follow()
  await started('10')
  expect(asked.map((request) => request.operationName)).toEqual(['List'])
  expect(followed()).toEqual(['10'])
})

test('what happens between the list and its subscription is told', async () => {
  const { asked, live, followed, shown, read, follow, tell, started } = stage()
  follow()
  await started('10')
  read()
  await settled()
  tell(live()[0], '12', 'of something else')
  await asked[0]?.answer({ status: 'RUNNING' }) // as it was at 11
  follow()
  await settled()
  expect(followed()).toEqual(['10', '10'])
  tell(live()[1], '12', 'STOPPED')
  expect(shown.status).toBe('STOPPED')
})

test('a subscription that begins while the list is asked for follows from before the asking', async () => {
  const { asked, live, followed, read, follow, tell, started } = stage()
  follow()
  await started('10')
  read()
  await settled()
  tell(live()[0], '12', 'STOPPED')
  follow()
  await settled()
  expect(followed()).toEqual(['12', '12'])
  await asked[0]?.answer({ status: 'RUNNING' })
  expect(followed()).toEqual(['10', '10'])
})

test('an answer that is older than the news does not undo it', async () => {
  const { asked, live, followed, shown, ended, read, follow, tell, started } = stage()
  follow()
  await started('10')
  read()
  await settled()
  tell(live()[0], '11', 'STOPPED')
  await asked[0]?.answer({ status: 'RUNNING' })
  expect(shown.status).toBe('RUNNING')
  expect(followed()).toEqual(['10'])
  tell(live()[0], '11', 'STOPPED')
  expect(shown.status).toBe('STOPPED')
  expect(ended).toEqual([])
})

test('two answers that were overtaken are followed from before the older one', async () => {
  const { asked, live, followed, read, follow, tell, started } = stage()
  follow()
  await started('10')
  read()
  await settled()
  tell(live()[0], '11', 'STOPPED')
  read()
  await settled()
  tell(live()[0], '12', 'RUNNING')
  await asked[0]?.answer({ status: 'RUNNING' })
  await asked[1]?.answer({ status: 'STOPPED' })
  expect(followed()).toEqual(['10'])
})

test('nothing is told again when nothing came between', async () => {
  const { asked, live, followed, read, follow, tell, started } = stage()
  follow()
  await started('10')
  tell(live()[0], '11', 'STOPPED')
  const before = live()[0]
  read()
  await settled()
  tell(live()[0], '12')
  await asked[0]?.answer({ status: 'STOPPED' })
  expect(live()).toEqual([before])
  expect(followed()).toEqual(['12'])
})

test('a connection that was cut goes on from the last that it heard', async () => {
  const { live, followed, follow, tell, started } = stage()
  follow()
  await started('10')
  expect(followed()).toEqual(['10'])
  tell(live()[0], '11', 'STOPPED')
  expect(followed()).toEqual(['11'])
})

test('a start that fails is made again, and so is a reading', async () => {
  const { asked, read, ended } = stage()
  read()
  await settled()
  await asked.shift()?.fail()
  await expect.poll(() => asked.length).toBe(1)
  await asked.shift()?.answer({ eventCursor: '10' })
  await asked.shift()?.fail()
  await expect.poll(() => asked.map((request) => request.operationName)).toEqual(['List'])
  expect(ended).toEqual([])
})
