import { afterEach, expect, test, vi } from 'vitest'
import { THEME_KEY } from '@/lib/theme-script'
import { holdLeaving, leaveForSignIn, onSwitched, signOut, tellSwitched } from './session'

const assign = vi.fn()
vi.stubGlobal('location', { pathname: '/people', search: '?q=ada', assign })
afterEach(() => assign.mockClear())

test('who is no longer signed in leaves, to come back here', () => {
  leaveForSignIn()
  expect(assign).toHaveBeenCalledExactlyOnceWith('/sign-in?next=%2Fpeople%3Fq%3Dada')
})

test('what is shown once is not left before the last of it was put away', () => {
  const [first, second] = [holdLeaving(), holdLeaving()]
  leaveForSignIn()
  first()
  expect(assign).not.toHaveBeenCalled()
  second()
  expect(assign).toHaveBeenCalledOnce()
})

test('without a reason to leave nobody leaves', () => {
  holdLeaving()()
  expect(assign).not.toHaveBeenCalled()
})

test('a switch is heard in the other tabs', async () => {
  const hear = vi.fn()
  const stop = onSwitched(hear)
  tellSwitched()
  await vi.waitFor(() => expect(hear).toHaveBeenCalledOnce())
  stop()
})

test('who signs out leaves nothing behind but the theme', async () => {
  vi.stubGlobal('fetch', async () => new Response(null, { status: 204 }))
  localStorage.setItem('graphiql:query', '{ viewer { name } }')
  localStorage.setItem(THEME_KEY, 'dark')
  await signOut()
  expect(Object.keys(localStorage)).toEqual([THEME_KEY])
  expect(assign).toHaveBeenCalledExactlyOnceWith('/sign-in')
})
