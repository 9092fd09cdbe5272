'use client'
import 'graphiql/style.css'
import './explorer.css'
import { GraphiQL } from 'graphiql'
import { leaveForSignIn } from '@/relay/session'
import { socket } from '@/relay/socket'

const FIRST = `# Everything the dashboard does goes through this API.
# Press Ctrl+Enter to ask.

query VMs {
  vms(first: 10, orderBy: { field: NAME }) {
    totalCount
    edges {
      node {
        name
        status
        provider { name }
        configuration { vcpus memoryMiB }
      }
    }
  }
}
`

type Asked = { query: string; variables?: Record<string, unknown>; operationName?: string | null }

function fetcher({ query, variables, operationName }: Asked) {
  if (/^\s*subscription\b/m.test(query)) return socket().iterate({ query, variables, operationName })
  return fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables, operationName }),
  }).then((reply) => {
    if (reply.status === 401) leaveForSignIn()
    return reply.json()
  })
}

/** Loaded alone: nobody but this page pays for it. */
function Explorer() {
  return (
    <div className="h-full min-h-[28rem]">
      <GraphiQL fetcher={fetcher as never} defaultQuery={FIRST} shouldPersistHeaders={false} />
    </div>
  )
}

// biome-ignore lint/style/noDefaultExport: React.lazy takes nothing else
export default Explorer
