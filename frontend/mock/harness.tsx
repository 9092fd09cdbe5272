import { Tooltip } from '@base-ui/react/tooltip'
import { render } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { execute, parse, subscribe } from 'graphql'
import { type ReactNode, Suspense } from 'react'
import { RelayEnvironmentProvider } from 'react-relay'
import { createEnvironment } from '@/relay/environment'
import type { Answer } from '@/relay/network'
import { Toasts } from '@/ui/Toasts'
import { mockSchema } from './schema'
import { seed } from './seed'
import { World } from './world'

/** A page over a world of its own: the contract's schema, no network, and time that runs fifty times as fast. */
export function renderPage(page: ReactNode, world = new World(seed(30), 0.02)) {
  const schema = mockSchema(world)
  const environment = createEnvironment({
    ask: async ({ operationName, query, variables }) => {
      const result = await execute({ schema, document: parse(query), variableValues: variables, operationName })
      return JSON.parse(JSON.stringify(result)) as Answer
    },
    listen: ({ query, variables }, sink) => {
      let over = false
      const listen = async () => {
        const stream = await subscribe({ schema, document: parse(query), variableValues: variables })
        if (!(Symbol.asyncIterator in stream)) return
        for await (const message of stream) {
          if (over) return
          sink.next(JSON.parse(JSON.stringify(message)))
        }
      }
      void listen()
      return () => {
        over = true
      }
    },
  })
  const shown = render(
    <Tooltip.Provider>
      <RelayEnvironmentProvider environment={environment}>
        <main id="main">
          <Suspense fallback={<p>Loading</p>}>{page}</Suspense>
        </main>
      </RelayEnvironmentProvider>
      <Toasts />
    </Tooltip.Provider>,
  )
  return { ...shown, world, user: userEvent.setup(), environment }
}
