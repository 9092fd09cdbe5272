import type { Page } from '@playwright/test'
import { axe, expect, stack, test } from '../dashboard.ts'

const PAGES = [
  '/vms',
  '/vms/new',
  '/hosts',
  '/hosts/new',
  '/images',
  '/operations',
  '/organisations',
  '/settings',
  '/explorer',
]
const TABS = ['overview', 'disks', 'network', 'snapshots', 'operations', 'settings']

/** What axe finds on a page that has come to rest. */
async function look(page: Page, path: string) {
  await page.goto(path)
  await expect(page.getByRole('heading', { level: 1 }).first()).toBeVisible()
  await expect(page.getByRole('status', { name: /^Loading/ })).toHaveCount(0)
  await axe(page, path)
}

test('axe finds nothing at /sign-in', async ({ page }) => {
  await look(page, '/sign-in')
})

for (const path of PAGES) test(`axe finds nothing at ${path}`, async ({ signedIn: page }) => look(page, path))

test('axe finds nothing at a host', async ({ signedIn: page }) => look(page, `/hosts/${stack.host()}`))

for (const tab of TABS)
  test(`axe finds nothing at a VM’s ${tab}`, async ({ signedIn: page, vm }) => look(page, `/vms/${vm.id}?tab=${tab}`))
