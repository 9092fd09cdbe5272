import { expect, test } from 'vitest'
import { includes, type Role, upTo } from './roles'

test.each<[Role, Role[]]>([
  ['VIEWER', ['VIEWER']],
  ['OPERATOR', ['VIEWER', 'OPERATOR']],
  ['ADMIN', ['VIEWER', 'OPERATOR', 'ADMIN']],
  ['OWNER', ['VIEWER', 'OPERATOR', 'ADMIN', 'OWNER']],
])('%s gives away %j', (role, given) => {
  expect(upTo(role)).toEqual(given)
  for (const each of given) expect(includes(role, each)).toBe(true)
  for (const each of upTo('OWNER').filter((other) => !given.includes(other))) expect(includes(role, each)).toBe(false)
})
