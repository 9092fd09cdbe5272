'use client'
import { paths } from '@/lib/paths'
import { faultOfReply, unreachable } from './fault'
import { startRequest } from './network'

/** A whole new page: nothing that was read stays, neither in memory nor one step back. */
export function beginAnew(path: string) {
  window.addEventListener('pageshow', ({ persisted }) => persisted && window.location.reload())
  window.location.assign(path)
}

/** Drops what this browser keeps of who used it: queries of the explorer. The theme is the browser’s own. */
export function wipe() {
  for (const key of Object.keys(localStorage)) if (key.startsWith('graphiql:')) localStorage.removeItem(key)
}

let holders = 0
let due = false

/** Leaves for the sign-in page, to come back here. */
export function leaveForSignIn() {
  due = holders > 0
  if (due) return
  const here = window.location.pathname + window.location.search
  if (!here.startsWith('/sign-in')) beginAnew(paths.signIn(here))
}

/** Stays although the session is over, while something is shown that is not shown again. Gives what ends the wait. */
export function holdLeaving(): () => void {
  holders++
  return () => {
    holders--
    if (due) leaveForSignIn()
  }
}

/** A refused websocket does not say why; a plain request does. Leaves for sign-in when the session is over. */
export async function probeSession() {
  try {
    const reply = await fetch('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(startRequest()),
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
  wipe()
  beginAnew(paths.signIn())
}

/** Another tab went to another organisation with the session of all: what this one has read is no longer theirs. */
const SWITCHED = 'novacron-switched'

export function tellSwitched() {
  const channel = new BroadcastChannel(SWITCHED)
  channel.postMessage(null)
  channel.close()
}

export function onSwitched(hear: () => void): () => void {
  const channel = new BroadcastChannel(SWITCHED)
  channel.onmessage = hear
  return () => channel.close()
}
