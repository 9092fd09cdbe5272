import { KeyRound, ListChecks, Scale, ScrollText, ShieldMinus, ShieldPlus, UserCheck, UserX } from 'lucide-react'
import Link from 'next/link'
import { refusal } from '@/lib/actions'
import { paths } from '@/lib/paths'
import type { MenuEntry } from '@/ui/Menu'
import type { Person } from './person'

export type PersonVerb = 'grantRole' | 'grants' | 'revokeRole' | 'setPersonActive' | 'resetPassword'

const to = (href: string) => <Link href={href} prefetch={false} />

/** What may be done with somebody, as a menu. Whether it may is told by `person.actions`. */
export function entriesOf(
  {
    id,
    name,
    actions,
    active,
    roleByHand,
    grants,
  }: Pick<Person, 'id' | 'name' | 'actions' | 'active' | 'roleByHand' | 'grants'>,
  onSelect: (verb: PersonVerb) => void,
): MenuEntry[] {
  const entry = (
    verb: Exclude<PersonVerb, 'grants'>,
    more: { label: string; icon: React.ReactNode; danger?: boolean },
  ): MenuEntry => ({
    kind: 'item',
    ...more,
    reason: refusal(actions, verb),
    onSelect: () => onSelect(verb),
  })
  return [
    entry('grantRole', { label: roleByHand ? 'Change the role' : 'Give a role', icon: <ShieldPlus aria-hidden /> }),
    {
      kind: 'item',
      label: 'Their roles, one by one',
      icon: <ListChecks aria-hidden />,
      onSelect: () => onSelect('grants'),
    },
    entry('revokeRole', {
      label: grants.filter(({ source }) => source === 'HAND').length > 1 ? 'Take all roles back' : 'Take the role back',
      icon: <ShieldMinus aria-hidden />,
    }),
    entry('resetPassword', { label: 'New password', icon: <KeyRound aria-hidden /> }),
    { kind: 'line' },
    { kind: 'link', label: 'What they may do', icon: <Scale aria-hidden />, link: to(paths.policies({ who: id })) },
    { kind: 'link', label: 'What they did', icon: <ScrollText aria-hidden />, link: to(paths.audit({ actor: name })) },
    {
      kind: 'link',
      label: 'What was done to them',
      icon: <ScrollText aria-hidden />,
      link: to(paths.audit({ target: id })),
    },
    { kind: 'line' },
    active
      ? entry('setPersonActive', { label: 'Switch off', icon: <UserX aria-hidden />, danger: true })
      : entry('setPersonActive', { label: 'Switch on', icon: <UserCheck aria-hidden /> }),
  ]
}
