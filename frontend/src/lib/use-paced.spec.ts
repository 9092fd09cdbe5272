import { act, renderHook } from '@testing-library/react'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { usePaced } from './use-paced'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())
const pass = (ms: number) => act(() => vi.advanceTimersByTime(ms))

test('the first change is followed at once, and those that never pause at the pace', () => {
  const { result, rerender } = renderHook(({ value }) => usePaced(value, 1000), { initialProps: { value: 0 } })
  rerender({ value: 1 })
  pass(0)
  expect(result.current).toBe(1)
  const seen = new Set<number>()
  for (let value = 2; value <= 31; value++) {
    rerender({ value })
    pass(100)
    seen.add(result.current)
  }
  expect(seen.size).toBe(4) // what was there, and one for each of three seconds
  pass(1000)
  expect(result.current).toBe(31)
})
