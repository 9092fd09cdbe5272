import { expect, test } from 'vitest'
import { outcomeOf, told, words } from './words'

const line = {
  action: 'startVM',
  outcome: 'ALLOWED' as const,
  targetType: 'VM',
  targetName: 'web-01',
  detail: '{}',
}
const said = (change: Partial<typeof line>) =>
  Object.values(words({ ...line, ...change }))
    .filter(Boolean)
    .join(' ')

test.each([
  [{}, 'Start web-01'],
  [{ action: 'signIn', targetName: '' }, 'Sign in'],
  [{ action: 'updatePolicy', targetName: '' }, 'Change a policy'],
  [{ action: 'setPersonActive', targetName: 'linus', detail: '{"active":false}' }, 'Switch the account of linus off'],
  [{ action: 'operationEnded', detail: '{"kind":"CREATE_SNAPSHOT"}' }, 'Take a snapshot of web-01 · ended'],
  [{ action: 'setColour', targetName: 'Lab' }, 'Set colour Lab'],
])('%j is told as %s', (change, text) => expect(said(change)).toBe(text))

test('the end of an operation says how it ended', () => {
  expect(outcomeOf({ ...line, action: 'operationEnded', detail: '{"status":"FAILED"}' }).word).toBe('Failed')
  expect(outcomeOf(line)).toMatchObject({ word: 'Allowed', usual: true })
  expect(outcomeOf({ ...line, outcome: 'DENIED' })).toMatchObject({ word: 'Refused', tone: 'bad' })
})

test('all that is known is told, and what is empty is not', () => {
  const detail = JSON.stringify({
    reason: 'it is off',
    name: null,
    enabled: true,
    changes: [{ field: 'vcpus' }],
    text: 'a',
  })
  expect(told({ detail })).toEqual([
    { name: 'Why', text: 'It is off.', code: false },
    { name: 'Counts', text: 'yes', code: false },
    { name: 'Changes', text: JSON.stringify([{ field: 'vcpus' }], null, 2), code: true },
    { name: 'Text', text: 'a', code: true },
  ])
  expect(told({ detail: 'no JSON' })).toEqual([{ name: 'Detail', text: 'no JSON', code: false }])
})
