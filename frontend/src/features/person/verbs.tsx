import { KeyRound, ShieldMinus, ShieldPlus, UserCheck, UserX } from 'lucide-react'
import { refusal } from '@/lib/actions'
import type { MenuEntry } from '@/ui/Menu'
import type { Person } from './person'

export type PersonVerb = 'grantRole' | 'revokeRole' | 'setPersonActive' | 'resetPassword'

/** What may be done with somebody, as a menu. Whether it may is told by `person.actions`. */
export function entriesOf(
  { actions, active, roleByHand }: Pick<Person, 'actions' | 'active' | 'roleByHand'>,
  onSelect: (verb: PersonVerb) => void,
): MenuEntry[] {
  const entry = (verb: PersonVerb, more: { label: string; icon: React.ReactNode; danger?: boolean }): MenuEntry => ({
    kind: 'item',
    ...more,
    reason: refusal(actions, verb),
    onSelect: () => onSelect(verb),
  })
  return [
    entry('grantRole', { label: roleByHand ? 'Change the role' : 'Give a role', icon: <ShieldPlus aria-hidden /> }),
    entry('revokeRole', { label: 'Take the role back', icon: <ShieldMinus aria-hidden /> }),
    entry('resetPassword', { label: 'New password', icon: <KeyRound aria-hidden /> }),
    { kind: 'line' },
    active
      ? entry('setPersonActive', { label: 'Switch off', icon: <UserX aria-hidden />, danger: true })
      : entry('setPersonActive', { label: 'Switch on', icon: <UserCheck aria-hidden /> }),
  ]
}
