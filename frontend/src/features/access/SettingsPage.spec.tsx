import { screen } from '@testing-library/react'
import { expect, test } from 'vitest'
import { renderPage } from '../../../mock/harness'
import { seed } from '../../../mock/seed'
import { World } from '../../../mock/world'
import { SettingsPage } from './SettingsPage'

test.each([
  ['ADMIN', ['/account', '/people', '/policies', '/audit']],
  ['OPERATOR', ['/account']],
])('for %s the settings lead to %j', async (role, paths) => {
  const world = new World(seed(3), 0.02)
  for (const each of world.db.organisations) each.role = role
  renderPage(<SettingsPage />, world)
  await screen.findByRole('list', { name: 'Access' })
  expect(screen.getAllByRole('link').map((link) => link.getAttribute('href'))).toEqual(paths)
})
