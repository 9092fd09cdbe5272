'use client'
import { type Client, createClient } from 'graphql-ws'
import { setLive } from './live'
import { probeSession } from './session'

const PING_EVERY = 10_000
const PONG_WITHIN = 5_000

let client: Client | undefined

/** The one websocket of this tab; every subscription shares it. It comes back by itself, for ever. */
export function socket(): Client {
  client ??= open()
  return client
}

function open(): Client {
  let active: WebSocket | undefined
  let overdue: ReturnType<typeof setTimeout> | undefined
  return createClient({
    url: () => `${window.location.protocol === 'https:' ? 'wss' : 'ws'}://${window.location.host}/graphql`,
    keepAlive: PING_EVERY,
    lazyCloseTimeout: 3_000,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    retryWait: async (retries) => {
      await probeSession()
      const wait = Math.min(15_000, 500 * 2 ** Math.min(retries, 5))
      await new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random() / 2)))
    },
    on: {
      opened: (opened) => {
        active = opened as WebSocket
      },
      connected: () => setLive('live'),
      ping: (received) => {
        if (received) return
        clearTimeout(overdue)
        overdue = setTimeout(() => {
          setLive('delayed')
          active?.close(4408, 'no pong')
        }, PONG_WITHIN)
      },
      pong: (received) => {
        if (!received) return
        clearTimeout(overdue)
        setLive('live')
      },
      message: () => setLive('live'),
      closed: () => {
        clearTimeout(overdue)
        setLive('offline')
      },
    },
  })
}
