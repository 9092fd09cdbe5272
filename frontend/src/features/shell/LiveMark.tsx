'use client'
import { formatAge } from '@/lib/time'
import { useNow } from '@/lib/use-now'
import { type LiveState, useLiveness } from '@/relay/live'
import { cx } from '@/ui/cx'
import { LiveStar } from '@/ui/Logo'
import { Tip } from '@/ui/Tip'

const WORD: Record<LiveState, string> = {
  connecting: 'Connecting',
  live: 'Live',
  delayed: 'Delayed',
  offline: 'Offline',
}
const INK: Record<LiveState, string> = {
  connecting: 'text-faint',
  live: 'text-brand',
  delayed: 'text-warn',
  offline: 'text-bad',
}
const TIP: Record<LiveState, string> = {
  connecting: 'The connection for changes is being made.',
  live: 'Changes show here as they happen.',
  delayed: 'The server has not answered for some seconds: what you see may be older. It is asked again by itself.',
  offline: 'No connection: what you see is the last known. It is tried again by itself.',
}

/** Whether what is on the screen can be believed. The star flares with each change that arrives. */
export function LiveMark() {
  const { state: connection, behind, heardAt, events } = useLiveness()
  const state = connection === 'live' && behind ? 'delayed' : connection
  const now = useNow(1000)
  const age = heardAt && connection !== 'live' ? ` ${formatAge(heardAt, now)}` : ''
  return (
    <Tip text={TIP[state]}>
      <button type="button" className="flex items-center gap-1.5 rounded-sm text-xs text-soft">
        <span key={events} className={cx(events > 0 && 'animate-pulse-once', INK[state])}>
          <LiveStar className="size-3" />
        </span>
        <span role="status">{WORD[state]}</span>
        {age && <span>{age}</span>}
      </button>
    </Tip>
  )
}
