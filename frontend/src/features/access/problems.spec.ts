import { expect, test } from 'vitest'
import { problemOf } from './problems'

const told = (given: Record<string, string>) => problemOf(new URLSearchParams(given))
// The words of `failed` in internal/access/oidc.go.
const WORDS = ['expired', 'away', 'refused', 'unknown', 'no-role', 'deactivated', 'failed']

test('each problem has a sentence of its own, and a way out', () => {
  const all = WORDS.map((problem) => told({ problem }))
  expect(new Set(all.map((words) => words?.message)).size).toBe(WORDS.length)
  for (const words of all) expect(words?.remedy).toMatch(/\.$/)
})

test('without a problem nothing is told', () => expect(told({ request: 'req-12345678' })).toBeNull())

test.each(['<b>You have won</b>', 'constructor', '__proto__', ''])('“%s” is told in our own words', (problem) =>
  expect(told({ problem })?.message).toBe(told({ problem: 'failed' })?.message),
)

test.each([
  ['0190b4c2-7d1e-7c55-9f0a-3b6c8d2e4f10', '0190b4c2-7d1e-7c55-9f0a-3b6c8d2e4f10'],
  ['call 555 0123 now', ''],
  ['x', ''],
])('the request “%s” is shown as “%s”', (request, shown) =>
  expect(told({ problem: 'away', request })?.requestId).toBe(shown),
)
