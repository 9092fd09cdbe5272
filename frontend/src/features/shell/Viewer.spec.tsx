import { screen, waitFor } from '@testing-library/react'
import { beforeEach, expect, test, vi } from 'vitest'
import { beginAnew } from '@/relay/session'
import { renderPage } from '../../../mock/harness'
import { seed } from '../../../mock/seed'
import { World } from '../../../mock/world'
import { Viewer } from './Viewer'

vi.mock('@/relay/session', async (original) => ({
  ...(await original<typeof import('@/relay/session')>()),
  beginAnew: vi.fn(),
}))
beforeEach(() => void vi.clearAllMocks())

test('who and for whom is in sight, and each of their organisations is a way to go', async () => {
  const { user, world } = renderPage(<Viewer />)
  await user.click(await screen.findByRole('button', { name: 'Account of Ada Lovelace, Default' }))
  await screen.findByText('Ada Lovelace · owner · Default')
  expect((await screen.findByRole('menuitem', { name: 'Your account' })).getAttribute('href')).toBe('/account')
  await user.click(screen.getByRole('menuitem', { name: 'Default, as now' }))
  expect(beginAnew).not.toHaveBeenCalled()
  await user.click(await screen.findByRole('button', { name: /^Account of/ }))
  await user.click(await screen.findByRole('menuitem', { name: 'Lab' }))
  await waitFor(() => expect(beginAnew).toHaveBeenCalledExactlyOnceWith('/'))
  expect(world.db.here).toBe('ten_2')
})

test.each([
  ['OWNER', true],
  ['ADMIN', true],
  ['OPERATOR', false],
])('for %s the menu leads to people, policies and the audit log: %s', async (role, leads) => {
  const world = new World(seed(3), 0.02)
  world.db.organisations = world.db.organisations.slice(0, 1).map((each) => ({ ...each, role }))
  const { user } = renderPage(<Viewer small />, world)
  await user.click(await screen.findByRole('button', { name: /^Account of/ }))
  await screen.findByRole('menuitem', { name: 'Sign out' })
  for (const name of ['People', 'Policies', 'Audit log'])
    expect(screen.queryByRole('menuitem', { name }) !== null).toBe(leads)
  expect(screen.queryByText('Work for')).toBeNull()
})
