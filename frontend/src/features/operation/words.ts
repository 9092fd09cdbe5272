import type { Tone } from '@/ui/State'

export type OperationStatus =
  | 'QUEUED'
  | 'RUNNING'
  | 'WAITING'
  | 'UNDOING'
  | 'SUCCEEDED'
  | 'FAILED'
  | 'CANCELED'
  | 'STUCK'

export const STATUS: Record<OperationStatus, { tone: Tone; word: string }> = {
  QUEUED: { tone: 'unknown', word: 'Queued' },
  RUNNING: { tone: 'busy', word: 'Running' },
  WAITING: { tone: 'busy', word: 'Waiting' },
  UNDOING: { tone: 'busy', word: 'Undoing' },
  SUCCEEDED: { tone: 'good', word: 'Done' },
  FAILED: { tone: 'bad', word: 'Failed' },
  CANCELED: { tone: 'idle', word: 'Canceled' },
  STUCK: { tone: 'warn', word: 'Stuck' },
}

const STEP: Record<string, { tone: Tone; word: string }> = {
  PENDING: { tone: 'unknown', word: 'To come' },
  RUNNING: { tone: 'busy', word: 'Running' },
  DONE: { tone: 'good', word: 'Done' },
  UNDOING: { tone: 'busy', word: 'Undoing' },
  UNDONE: { tone: 'idle', word: 'Undone' },
  FAILED: { tone: 'bad', word: 'Failed' },
}

/** How a step stands; nothing moves in an operation that is stuck. */
export function stepLook(step: string, operation: string): { tone: Tone; word: string } {
  if (operation === 'STUCK' && step === 'UNDOING') return STATUS.STUCK
  return STEP[step] ?? { tone: 'unknown', word: step }
}

const KIND: Record<string, string> = {
  CREATE_VM: 'Create',
  UPDATE_VM: 'Change',
  DELETE_VM: 'Delete',
  START_VM: 'Start',
  SHUTDOWN_VM: 'Shut down',
  POWER_OFF_VM: 'Force off',
  REBOOT_VM: 'Reboot',
  RESET_VM: 'Reset',
  PAUSE_VM: 'Pause',
  RESUME_VM: 'Resume',
  SUSPEND_VM: 'Suspend',
  ATTACH_DISK: 'Attach a disk to',
  DETACH_DISK: 'Detach a disk from',
  ATTACH_NIC: 'Attach a NIC to',
  DETACH_NIC: 'Detach a NIC from',
  CREATE_SNAPSHOT: 'Take a snapshot of',
  RESTORE_SNAPSHOT: 'Restore a snapshot of',
  DELETE_SNAPSHOT: 'Delete a snapshot of',
  IMPORT_IMAGE: 'Bring the image',
  DELETE_IMAGE: 'Delete the image',
  BULK: 'Several at once:',
}

/** What an operation does, without its target: a kind unknown here is shown in plain letters. */
export function kindWord(kind: string): string {
  return KIND[kind] ?? kind.toLowerCase().replaceAll('_', ' ')
}

type Work = {
  readonly status: string
  readonly note: string
  readonly steps?: readonly { readonly name: string; readonly status: string }[]
}

/** What an operation is doing now: in its own words, else by the step that it is at. */
export function doing({ status, note, steps = [] }: Work): string {
  if (note) return note
  if (status === 'QUEUED') return 'Waiting for its turn'
  const at =
    steps.find((step) => step.status === 'RUNNING' || step.status === 'UNDOING') ??
    steps.find((step) => status === 'RUNNING' && step.status === 'PENDING')
  const { word } = STATUS[status as OperationStatus] ?? { word: status }
  if (!at) return word
  return at.status === 'UNDOING' ? `${word}: ${at.name}` : at.name
}

export function hasEnded(status: string): boolean {
  return status === 'SUCCEEDED' || status === 'FAILED' || status === 'CANCELED'
}
