import type { Locator, Page } from '@playwright/test'
import { expect, test } from '../dashboard.ts'

const REASON = /^Your role VIEWER may not do this\. Ask an administrator for the role (OPERATOR|ADMIN)\.$/

test('who may only look is told so before trying', async ({ signedIn: page, api, vm }) => {
  const { createAPIToken } = await api.ask(
    'mutation { createAPIToken(input: { name: "viewer", role: VIEWER }) { secret } }',
  )
  // Wins over the session: the same person with a lesser role.
  await page.setExtraHTTPHeaders({ authorization: `Bearer ${createAPIToken.secret}` })

  await page.goto('/vms')
  await refused(page, page.getByRole('button', { name: 'New VM' }))
  await page.getByRole('checkbox', { name: `Select ${vm.name}` }).check()
  await refused(
    page,
    page.getByRole('region', { name: 'Selected virtual machines' }).getByRole('button', { name: 'Start' }),
  )
  await page.getByRole('button', { name: `Actions for ${vm.name}` }).click()
  for (const name of ['Start', 'Delete']) {
    const entry = page.getByRole('menuitem', { name: new RegExp(`^${name}`) })
    await expect(entry).toHaveAttribute('aria-disabled', 'true')
    await expect(entry).toContainText('may not do this')
  }

  await page.goto(`/vms/${vm.id}`)
  await refused(page, page.getByRole('button', { name: 'Start', exact: true }))
  await page.goto('/vms/new')
  await refused(page, page.getByRole('button', { name: 'Create VM' }))
  await page.goto('/hosts')
  await refused(page, page.getByRole('button', { name: 'Add a host' }))
  await page.goto('/hosts/new')
  await refused(page, page.getByRole('button', { name: 'Add the host' }))
  await page.goto('/images')
  await refused(page, page.getByRole('button', { name: 'Add an image' }))
})

/** It is there and can be reached, cannot be used, and says why. */
async function refused(page: Page, button: Locator) {
  await expect(button).toHaveAttribute('aria-disabled', 'true')
  await button.hover()
  await expect(page.getByText(REASON)).toBeVisible()
}
