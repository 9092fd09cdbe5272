'use client'
import { useCallback, useEffect, useRef, useState } from 'react'
import { flushSync } from 'react-dom'
import { graphql, useRelayEnvironment } from 'react-relay'
import { commitMutation } from 'relay-runtime'
import type { ConsoleKind, useConsoleMutation } from '@/__generated__/useConsoleMutation.graphql'
import { sentence, sentences } from '@/lib/sentence'
import { faultOf } from '@/relay/fault'

type Told = { url: string | null; state: ConsoleState; why: string; final: boolean }
export type ConsoleState = 'opening' | 'open' | 'closed' | 'failed'

const OPENING: Told = { url: null, state: 'opening', why: '', final: false }

/** What the end of a connection tells: the reason when there is one, and what may be wrong when it never began. */
export function endOf(clean: boolean, opened: boolean, reason = ''): [state: ConsoleState, why: string] {
  const why = sentence(reason)
  if (!opened) return ['failed', why || 'The console did not open: somebody else may have it, or its host is slow.']
  return clean ? ['closed', why] : ['failed', why || 'The connection broke.']
}

/** What another attempt cannot change. */
const FINAL = ['DENIED', 'UNSUPPORTED', 'NOT_FOUND', 'INVALID']
const AGAIN_AFTER = [1, 2, 4, 8, 15]
/** One that is refused may open first: only what has lasted so long was one. */
const LASTING = 5_000

/** A ticket is good once: every attempt asks for a new one. */
export function useConsole(vm: string, kind: ConsoleKind) {
  const environment = useRelayEnvironment()
  const [attempt, setAttempt] = useState(0)
  const failures = useRef(0)
  const take = useRef(false)
  const since = useRef(Number.POSITIVE_INFINITY)
  const [told, setTold] = useState<Told>(OPENING)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is another ticket
  useEffect(() => {
    setTold(OPENING)
    const asking = commitMutation<useConsoleMutation>(environment, {
      mutation: graphql`
        mutation useConsoleMutation($vm: ID!, $kind: ConsoleKind!) {
          openConsole(input: { vm: $vm, kind: $kind }) {
            path
          }
        }
      `,
      variables: { vm, kind },
      onCompleted: ({ openConsole }) => {
        setTold({ ...OPENING, url: socketURL(openConsole.path) + (take.current ? '?take=1' : '') })
        // Only once: else two pages would take it from each other for ever.
        take.current = false
      },
      onError: (cause) => {
        const { code, message, remedy } = faultOf(cause).facts
        setTold({ url: null, state: 'failed', why: sentences(message, remedy), final: FINAL.includes(code) })
      },
    })
    return () => asking.dispose()
  }, [environment, vm, kind, attempt])
  const onState = useCallback((state: ConsoleState, why = '') => {
    if (state === 'open') since.current = Date.now()
    else {
      if (Date.now() - since.current > LASTING) failures.current = 0
      since.current = Number.POSITIVE_INFINITY
    }
    setTold((before) => ({ ...before, state, why }))
  }, [])
  const again = useCallback(() => setAttempt((number) => number + 1), [])
  const takeOver = useCallback(() => {
    take.current = true
    again()
  }, [again])
  // A page that the browser keeps for its way back would keep the console too: its view goes, and the socket with it.
  useEffect(() => {
    const hide = () => flushSync(() => setTold(OPENING))
    const show = ({ persisted }: PageTransitionEvent) => persisted && again()
    window.addEventListener('pagehide', hide)
    window.addEventListener('pageshow', show)
    return () => {
      window.removeEventListener('pagehide', hide)
      window.removeEventListener('pageshow', show)
    }
  }, [again])
  const over = (told.state === 'closed' || told.state === 'failed') && !told.final
  // The guest restarts, the network blinks: it comes back by itself.
  useEffect(() => {
    if (!over) return
    const wait = AGAIN_AFTER[Math.min(failures.current++, AGAIN_AFTER.length - 1)] ?? 1
    const timer = setTimeout(again, wait * 1000)
    return () => clearTimeout(timer)
  }, [over, again])
  return { ...told, onState, again, takeOver }
}

function socketURL(path: string) {
  const { protocol, host } = window.location
  return `${protocol === 'https:' ? 'wss' : 'ws'}://${host}${path}`
}
