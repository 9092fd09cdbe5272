import { act, render, screen } from '@testing-library/react'
import { afterEach, expect, test, vi } from 'vitest'
import { setBehind, setLive } from '@/relay/live'
import { SilenceBar } from './SilenceBar'

afterEach(() => void vi.useRealTimers())

test('a silence is told once it lasts, and no longer than it does', () => {
  vi.useFakeTimers()
  const pass = (seconds: number) => act(() => vi.advanceTimersByTime(seconds * 1000))
  const reader = {}
  act(() => setLive('live'))
  render(<SilenceBar />)
  act(() => setLive('offline'))
  pass(4)
  expect(screen.queryByRole('alert')).toBeNull()
  pass(2)
  expect(screen.getByRole('alert').textContent).toMatch(/does not answer/)
  act(() => setLive('live'))
  expect(screen.queryByRole('alert')).toBeNull()
  act(() => setBehind(reader, true))
  pass(6)
  screen.getByRole('alert')
  act(() => setBehind(reader, false))
  expect(screen.queryByRole('alert')).toBeNull()
})
