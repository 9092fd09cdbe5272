import { expect, test } from 'vitest'
import { faultOfGraphQL, faultOfReply } from './fault'

test('both shapes of a plain reply are read', () => {
  expect(
    faultOfReply({ errors: [{ message: 'wrong', extensions: { code: 'UNAUTHORIZED', remedy: 'Try again.' } }] })?.facts,
  ).toMatchObject({ code: 'UNAUTHORIZED', message: 'wrong', remedy: 'Try again.' })
  expect(faultOfReply({ error: { code: 'INVALID', message: 'no' } })?.facts.code).toBe('INVALID')
  expect(faultOfReply('<html>')).toBeNull()
})

test('an error without facts is INTERNAL', () =>
  expect(faultOfGraphQL({ message: 'oops' }).facts.code).toBe('INTERNAL'))
