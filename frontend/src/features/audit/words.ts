import type { AuditRow_entry$data } from '@/__generated__/AuditRow_entry.graphql'
import { kindWord, type OperationStatus, STATUS } from '@/features/operation/words'
import { deedOf } from '@/lib/deeds'
import { sentence } from '@/lib/sentence'
import type { Tone } from '@/ui/State'

type Entry = Pick<AuditRow_entry$data, 'action' | 'outcome' | 'targetType' | 'targetName' | 'detail'>
export type Detail = Record<string, unknown>

/** What else is known of a line. One that cannot be read is shown as it is. */
export function detailOf({ detail }: Pick<Entry, 'detail'>): Detail {
  try {
    const told: unknown = JSON.parse(detail)
    return typeof told === 'object' && told !== null ? (told as Detail) : { detail }
  } catch {
    return { detail }
  }
}

const THING: Record<string, string> = {
  VM: 'VM',
  IMAGE: 'image',
  PROVIDER: 'host',
  PERSON: 'person',
  POLICY: 'policy',
  TOKEN: 'API token',
  OPERATION: 'operation',
  SESSION: 'session',
  TENANT: 'organisation',
  ORGANISATION: 'organisation',
}
export const thingWord = (targetType: string) => THING[targetType] ?? targetType.toLowerCase()

/** What is on the line: what was asked for, up to the name of the thing, and what is behind it. */
export function words(entry: Entry): { does: string; name: string; more: string } {
  const detail = detailOf(entry)
  if (entry.action === 'operationEnded') {
    const kind = typeof detail.kind === 'string' ? detail.kind : 'Operation'
    return { does: kindWord(kind), name: entry.targetName, more: '· ended' }
  }
  const { does, all } = deedOf(entry.action)
  // A policy’s own words say nothing of the organisation, of which everything is.
  if (!entry.targetName) return { does: all, name: '', more: '' }
  if (entry.action === 'setPersonActive' && typeof detail.active === 'boolean')
    return { does, name: entry.targetName, more: detail.active ? 'on' : 'off' }
  return { does, name: entry.targetName, more: '' }
}

/** What became of it; for the end of an operation, how that ended. */
export function outcomeOf(entry: Entry): { tone: Tone; word: string; usual: boolean } {
  const { status } = detailOf(entry)
  const ended = entry.action === 'operationEnded' && STATUS[status as OperationStatus]
  if (ended) return { ...ended, usual: status === 'SUCCEEDED' }
  if (entry.outcome === 'DENIED') return { tone: 'bad', word: 'Refused', usual: false }
  return { tone: 'good', word: 'Allowed', usual: true }
}

const NAME: Record<string, string> = {
  reason: 'Why',
  role: 'Role',
  code: 'Error',
  message: 'What it said',
  expiresAt: 'Until',
  enabled: 'Counts',
  text: 'Text',
  changes: 'Changes',
}

export type Told = { name: string; text: string; code: boolean }

/** What else is known, as names and values. Nothing is left out but what is empty. */
export function told(entry: Pick<Entry, 'detail'>): Told[] {
  return Object.entries(detailOf(entry)).flatMap(([key, value]) => {
    if (value === null || value === undefined || value === '') return []
    const name = NAME[key] ?? key.charAt(0).toUpperCase() + key.slice(1)
    if (typeof value === 'boolean') return { name, text: value ? 'yes' : 'no', code: false }
    if (key === 'reason' || key === 'message') return { name, text: sentence(String(value)), code: false }
    if (typeof value === 'object') return { name, text: JSON.stringify(value, null, 2), code: true }
    return { name, text: String(value), code: String(value).includes('\n') || key === 'text' }
  })
}
