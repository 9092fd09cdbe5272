import type { Tone } from '@/ui/State'

export type VMStatus =
  | 'PROVISIONING'
  | 'RUNNING'
  | 'PAUSED'
  | 'SUSPENDED'
  | 'STOPPED'
  | 'STARTING'
  | 'STOPPING'
  | 'MIGRATING'
  | 'DELETING'
  | 'ERROR'
  | 'UNKNOWN'

/** How each status looks and what it is called; in the order in which people look for them. */
export const STATUS: Record<VMStatus, { tone: Tone; word: string }> = {
  RUNNING: { tone: 'good', word: 'Running' },
  ERROR: { tone: 'bad', word: 'Error' },
  UNKNOWN: { tone: 'unknown', word: 'Unknown' },
  PROVISIONING: { tone: 'busy', word: 'Creating' },
  STARTING: { tone: 'busy', word: 'Starting' },
  STOPPING: { tone: 'busy', word: 'Stopping' },
  MIGRATING: { tone: 'busy', word: 'Migrating' },
  DELETING: { tone: 'busy', word: 'Deleting' },
  PAUSED: { tone: 'held', word: 'Paused' },
  SUSPENDED: { tone: 'held', word: 'Suspended' },
  STOPPED: { tone: 'idle', word: 'Stopped' },
}

export const STATUSES = Object.keys(STATUS) as VMStatus[]

/** What is on its way by operations of these kinds has a word of its own. */
const UNDER_WAY: Record<string, string> = { RESTORE_SNAPSHOT: 'Restoring' }

/** A status that this dashboard does not know yet is shown as it came. */
export function statusLook(status: string, operation = ''): { tone: Tone; word: string } {
  const look = STATUS[status as VMStatus] ?? { tone: 'unknown', word: status.toLowerCase() }
  return look.tone === 'busy' ? { ...look, word: UNDER_WAY[operation] ?? look.word } : look
}
