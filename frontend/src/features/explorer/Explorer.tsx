'use client'
import 'graphiql/style.css'
import './explorer.css'
import { GraphiQL } from 'graphiql'
import { useEffect, useRef } from 'react'
import { useTheme } from '@/lib/theme'
import { useMedia } from '@/lib/use-media'
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
  const theme = useTheme()
  const night = useMedia('(prefers-color-scheme: dark)')
  const box = useRef<HTMLElement>(null)
  useEffect(() => {
    if (!box.current) return
    const watch = new MutationObserver(() => box.current && nameEditors(box.current))
    watch.observe(box.current, { childList: true, subtree: true })
    nameEditors(box.current)
    // Its editors measure themselves before their styles are there.
    const measure = setTimeout(() => window.dispatchEvent(new Event('resize')), 500)
    return () => {
      clearTimeout(measure)
      watch.disconnect()
    }
  }, [])
  const dark = theme === 'system' ? night : theme === 'dark'
  return (
    <section ref={box} aria-label="Explorer" className="h-full min-h-[28rem]">
      <GraphiQL
        fetcher={fetcher as never}
        defaultQuery={FIRST}
        shouldPersistHeaders={false}
        forcedTheme={dark ? 'dark' : 'light'}
      />
    </section>
  )
}

const EDITORS = [
  ['.graphiql-query-editor', 'Query'],
  ['.graphiql-editor-tool .graphiql-editor:nth-child(1)', 'Variables'],
  ['.graphiql-editor-tool .graphiql-editor:nth-child(2)', 'Headers'],
  ['.graphiql-response', 'Answer'],
]

/** Its editors come without names; whoever hears the page needs them. */
function nameEditors(box: HTMLElement) {
  for (const [place, name] of EDITORS)
    for (const area of box.querySelectorAll(`${place} textarea:not([aria-label])`))
      area.setAttribute('aria-label', name ?? '')
  for (const scroll of box.querySelectorAll('.CodeMirror-scroll:not([tabindex="0"])'))
    scroll.setAttribute('tabindex', '0')
}

// biome-ignore lint/style/noDefaultExport: React.lazy takes nothing else
export default Explorer
