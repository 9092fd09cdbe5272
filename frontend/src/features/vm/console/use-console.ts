'use client'
import { useCallback, useEffect, useState } from 'react'
import { graphql, useRelayEnvironment } from 'react-relay'
import { commitMutation } from 'relay-runtime'
import type { ConsoleKind, useConsoleMutation } from '@/__generated__/useConsoleMutation.graphql'
import { faultOf } from '@/relay/fault'

export type ConsoleState = 'opening' | 'open' | 'closed' | 'failed'

/** A ticket is good once: every attempt asks for a new one. */
export function useConsole(vm: string, kind: ConsoleKind, attempt: number) {
  const environment = useRelayEnvironment()
  const [told, setTold] = useState<{ url: string | null; state: ConsoleState; why: string }>({
    url: null,
    state: 'opening',
    why: '',
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is another ticket
  useEffect(() => {
    setTold({ url: null, state: 'opening', why: '' })
    const asking = commitMutation<useConsoleMutation>(environment, {
      mutation: graphql`
        mutation useConsoleMutation($vm: ID!, $kind: ConsoleKind!) {
          openConsole(input: { vm: $vm, kind: $kind }) {
            path
          }
        }
      `,
      variables: { vm, kind },
      onCompleted: ({ openConsole }) => setTold({ url: socketURL(openConsole.path), state: 'opening', why: '' }),
      onError: (cause) => {
        const { message, remedy } = faultOf(cause).facts
        setTold({ url: null, state: 'failed', why: [message, remedy].filter(Boolean).join(' ') })
      },
    })
    return () => asking.dispose()
  }, [environment, vm, kind, attempt])
  const onState = useCallback((state: ConsoleState, why = '') => setTold((before) => ({ ...before, state, why })), [])
  return { ...told, onState }
}

function socketURL(path: string) {
  const { protocol, host } = window.location
  return `${protocol === 'https:' ? 'wss' : 'ws'}://${host}${path}`
}
