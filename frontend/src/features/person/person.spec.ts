import { expect, test } from 'vitest'
import type { Role } from '@/lib/roles'
import { formatDay } from '@/lib/time'
import { matches, partsOf, roleSource } from './person'

const ends = '2026-12-05T10:00:00Z'
const nothing = { issuer: 'Northwind', roleByHand: null, roleByHandEnds: null, roleByIssuer: null }
test.each<[string, { role: Role } & Partial<Parameters<typeof roleSource>[0]>, string]>([
  ['by hand', { role: 'VIEWER', roleByHand: 'VIEWER' }, 'by hand'],
  ['for a while', { role: 'ADMIN', roleByHand: 'ADMIN', roleByHandEnds: ends }, `by hand until ${formatDay(ends)}`],
  ['by rules', { role: 'OWNER', roleByIssuer: 'OWNER' }, 'by the rules of Northwind'],
  [
    'twice',
    { role: 'ADMIN', roleByHand: 'ADMIN', roleByHandEnds: ends, roleByIssuer: 'VIEWER' },
    `administrator by hand until ${formatDay(ends)}, viewer by the rules of Northwind`,
  ],
  [
    'twice the same',
    { role: 'VIEWER', roleByHand: 'VIEWER', roleByIssuer: 'VIEWER' },
    'by hand, by the rules of Northwind',
  ],
])('a role that is given %s', (_, person, told) => expect(roleSource({ ...nothing, ...person })).toBe(told))

test('a role for a part of the things says for which', () => {
  const on = { providers: ['provider_1'], vms: ['vm_1', 'vm_2'], tags: [{ key: 'env', value: 'test' }] }
  const whole = { id: 'grant_1', role: 'VIEWER' as const, on: null, expiresAt: null }
  const part = { id: 'grant_2', role: 'OPERATOR' as const, on, expiresAt: ends }
  expect(partsOf({ grants: [whole, part] })).toEqual([`operator on 1 host, 2 VMs, env=test until ${formatDay(ends)}`])
})

const grace = {
  name: 'grace',
  fullName: 'Grace Hopper',
  email: 'grace@northwind.example',
  issuer: 'Northwind',
  role: 'ADMIN' as const,
  active: true,
}
test.each([
  ['', true],
  ['HOPPER', true],
  ['  northwind   admin ', true],
  ['grace viewer', false],
  ['password', false],
  ['switched', false],
])('“%s” finds her: %s', (text, found) => expect(matches(grace, text)).toBe(found))

test('who has no issuer is found by the password', () =>
  expect(matches({ ...grace, issuer: null, email: '' }, 'password')).toBe(true))
