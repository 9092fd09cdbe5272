import { screen, waitFor, within } from '@testing-library/react'
import { beforeEach, expect, test, vi } from 'vitest'
import { beginAnew, tellSwitched } from '@/relay/session'
import { renderPage } from '../../../mock/harness'
import { AccountPage } from './AccountPage'

vi.mock('@/relay/session', async (original) => ({
  ...(await original<typeof import('@/relay/session')>()),
  beginAnew: vi.fn(),
  tellSwitched: vi.fn(),
}))
beforeEach(() => void vi.clearAllMocks())

test('who switches begins anew, in every tab', async () => {
  localStorage.setItem('graphiql:query', '{ viewer { name } }')
  const { user, world } = renderPage(<AccountPage />)
  const list = await screen.findByRole('list', { name: 'Organisations' })
  const [here, there] = world.db.organisations
  expect(within(list).queryByRole('button', { name: `Switch to ${here?.tenant.name}` })).toBeNull()
  await user.click(within(list).getByRole('button', { name: `Switch to ${there?.tenant.name}` }))
  await waitFor(() => expect(beginAnew).toHaveBeenCalledExactlyOnceWith('/'))
  expect(tellSwitched).toHaveBeenCalledOnce()
  expect(localStorage).toHaveLength(0)
  expect(world.db.here).toBe(there?.tenant.id)
})

test('a switch that fails leaves everything as it is, and says why', async () => {
  const { user, world } = renderPage(<AccountPage />)
  const list = await screen.findByRole('list', { name: 'Organisations' })
  const left = world.db.organisations.pop()
  await user.click(within(list).getByRole('button', { name: `Switch to ${left?.tenant.name}` }))
  await screen.findByText(`You could not go to ${left?.tenant.name}`)
  expect(beginAnew).not.toHaveBeenCalled()
  expect(tellSwitched).not.toHaveBeenCalled()
})

test('who works for one organisation is not asked which', async () => {
  const { world } = renderPage(<AccountPage />)
  world.db.organisations.splice(1)
  await screen.findByRole('list', { name: 'Sessions' })
  expect(screen.queryByRole('list', { name: 'Organisations' })).toBeNull()
})

test('a session is ended by its name, and this one is not offered', async () => {
  const { user, world } = renderPage(<AccountPage />)
  const list = await screen.findByRole('list', { name: 'Sessions' })
  within(list).getByText('This one')
  expect(within(list).getAllByRole('button')).toHaveLength(world.db.sessions.size - 1)
  await user.click(within(list).getByRole('button', { name: /^End Safari 18 on iPhone, 2001:db8:/ }))
  await user.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'End' }))
  await waitFor(() => expect(within(list).queryByText('Safari 18 on iPhone')).toBeNull())
  expect([...world.db.sessions.keys()]).toEqual(['sess_1', 'sess_3'])
})

test('all others end at once, and then there is no other', async () => {
  const { user, world } = renderPage(<AccountPage />)
  await user.click(await screen.findByRole('button', { name: 'End all others' }))
  await user.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'End' }))
  await waitFor(() => expect([...world.db.sessions.keys()]).toEqual(['sess_1']))
  await waitFor(() =>
    expect(screen.getByRole('button', { name: 'End all others' }).getAttribute('aria-disabled')).toBe('true'),
  )
})
