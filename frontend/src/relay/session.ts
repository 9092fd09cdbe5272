'use client'
import { paths } from '@/lib/paths'
import { faultOfReply, unreachable } from './fault'

/** Leaves for the sign-in page, to come back here. What was read is dropped with the page. */
export function leaveForSignIn() {
  const here = window.location.pathname + window.location.search
  if (!here.startsWith('/sign-in')) window.location.assign(paths.signIn(here))
}

/** A refused websocket does not say why; a plain request does. Leaves for sign-in when the session is over. */
export async function probeSession() {
  try {
    const reply = await fetch('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{__typename}"}',
    })
    if (reply.status === 401) leaveForSignIn()
  } catch {
    // Not reachable: the caller tries again anyway.
  }
}

export async function signIn(name: string, password: string): Promise<void> {
  const reply = await fetch('/auth/sign-in', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password }),
  }).catch(() => {
    throw unreachable()
  })
  if (reply.ok) return
  const body = await reply.json().catch(() => null)
  throw faultOfReply(body) ?? unreachable()
}

export async function signOut(): Promise<void> {
  await fetch('/auth/sign-out', { method: 'POST' }).catch(() => undefined)
  window.location.assign(paths.signIn())
}
