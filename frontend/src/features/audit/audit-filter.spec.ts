import { expect, test } from 'vitest'
import { filterOf, fromLocal, isNarrowed, toAuditFilter, toLocal } from './audit-filter'

const now = Date.parse('2026-11-23T12:00:00Z')
const asked = (query: string) => toAuditFilter(new URLSearchParams(query), now)

test('the address is the filter', () => {
  const { filter, problems } = asked(
    'actor=alan&action=deleteVM&outcome=denied&since=24h&until=2026-11-23T11:00&target=vm_1&operation=op_1&open=7',
  )
  expect(problems).toEqual([])
  expect(filter).toEqual({
    actor: 'alan',
    action: 'deleteVM',
    outcome: 'DENIED',
    since: '2026-11-22T12:00:00.000Z',
    until: new Date('2026-11-23T11:00').toISOString(),
    target: 'vm_1',
    operation: 'op_1',
  })
})

test.each([
  ['since=yesterday', ['“yesterday” is no time.']],
  ['until=24h', ['“24h” is no time.']],
  ['outcome=perhaps', ['“perhaps” is no outcome.']],
  ['since=2026-11-02T00:00Z&until=2026-11-01T00:00Z', ['The time ends before it begins.']],
  ['since=1h', []],
  ['', []],
])('%s means %j', (query, problems) => expect(asked(query).problems).toEqual(problems))

test('what is opened narrows nothing', () => {
  expect(isNarrowed(new URLSearchParams('open=7'))).toBe(false)
  expect(isNarrowed(new URLSearchParams('open=7&target=vm_1'))).toBe(true)
})

test('an id says of what it is', () => {
  expect(filterOf('op_1')).toEqual({ operation: 'op_1' })
  expect(filterOf('vm_1')).toEqual({ target: 'vm_1' })
})

test('a moment goes to the field and back', () => {
  const iso = '2026-11-23T08:05:00.000Z'
  expect(fromLocal(toLocal(iso))).toBe(iso)
  expect(toLocal('nonsense')).toBe('')
  expect(fromLocal('')).toBe('')
})
