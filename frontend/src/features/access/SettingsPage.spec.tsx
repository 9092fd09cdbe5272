import { screen, within } from '@testing-library/react'
import { expect, test } from 'vitest'
import { renderPage } from '../../../mock/harness'
import { seed } from '../../../mock/seed'
import { World } from '../../../mock/world'
import { SettingsPage } from './SettingsPage'

test.each([
  ['ADMIN', false, ['/account', '/people', '/policies', '/audit']],
  ['OPERATOR', false, ['/account']],
  ['VIEWER', true, ['/account', '/organisations']],
])('for %s (looks after the installation: %s) the settings lead to %j', async (role, platformAdmin, paths) => {
  const world = new World(seed(3), 0.02)
  world.db.platformAdmin = platformAdmin
  for (const each of world.db.organisations) each.role = role
  renderPage(<SettingsPage />, world)
  await screen.findByRole('list', { name: 'Access' })
  expect(screen.getAllByRole('link').map((link) => link.getAttribute('href'))).toEqual(paths)
})

test('the settings tell the quota of the organisation', async () => {
  const { world } = renderPage(<SettingsPage />)
  const bars = within(await screen.findByRole('list', { name: 'Quota of Default' }))
  const managed = [...world.db.vms.values()].filter(({ management }) => management === 'MANAGED').length
  bars.getByText(`${managed} of ${world.db.houses[0]?.limits.VMS}`)
  bars.getByText(/, no limit$/)
})
