import { Tooltip } from '@base-ui/react/tooltip'
import { render } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { execute, parse, subscribe } from 'graphql'
import { type ReactNode, Suspense } from 'react'
import { RelayEnvironmentProvider } from 'react-relay'
import { type GraphQLResponse, Observable } from 'relay-runtime'
import { createEnvironment } from '@/relay/environment'
import { faultOfGraphQL } from '@/relay/fault'
import { Toasts } from '@/ui/Toasts'
import { mockSchema } from './schema'
import { seed } from './seed'
import { World } from './world'

/** A page over a world of its own: the contract's schema, no network, and time that runs fifty times as fast. */
export function renderPage(page: ReactNode, world = new World(seed(30), 0.02)) {
  const schema = mockSchema(world)
  const environment = createEnvironment(
    async (request, variableValues) => {
      const document = parse(request.text ?? '')
      const result = await execute({ schema, document, variableValues, operationName: request.name })
      if (!result.data && result.errors?.[0]) throw faultOfGraphQL(result.errors[0])
      return JSON.parse(JSON.stringify(result)) as GraphQLResponse
    },
    (request, variableValues) =>
      Observable.create((sink) => {
        let over = false
        const listen = async () => {
          const stream = await subscribe({ schema, document: parse(request.text ?? ''), variableValues })
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
      }),
  )
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
