import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import type { API } from '../api.ts'
import { expect, stack, test } from '../dashboard.ts'

const PAGES = ['/vms', '/vms/new', '/hosts', '/hosts/new', '/images', '/operations', '/settings', '/explorer']
const TABS = ['overview', 'disks', 'network', 'snapshots', 'operations', 'settings']

/** What axe finds on a page, in both themes. */
async function look(page: Page, path: string) {
  await page.goto(path)
  await expect(page.getByRole('heading', { level: 1 }).first()).toBeVisible()
  await expect(page.getByRole('status', { name: /^Loading/ })).toHaveCount(0)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    // Colours may be on their way from one theme to the other.
    await page.evaluate(() => Promise.allSettled(document.getAnimations().map((each) => each.finished)))
    const { violations } = await new AxeBuilder({ page }).analyze()
    const found = violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`))
    expect.soft(found, `${path}, ${colorScheme}`).toEqual([])
  }
}

test('axe finds nothing at /sign-in', async ({ page }) => {
  await look(page, '/sign-in')
})

for (const path of PAGES) test(`axe finds nothing at ${path}`, async ({ signedIn: page }) => look(page, path))

test('axe finds nothing at a host', async ({ signedIn: page }) => look(page, `/hosts/${stack.host()}`))

test.describe('axe finds nothing at a VM', () => {
  let vm = ''
  test.beforeAll(async ({ api }) => {
    vm = await made(api)
  })
  for (const tab of TABS) test(tab, async ({ signedIn: page }) => look(page, `/vms/${vm}?tab=${tab}`))
})

/** A VM that is looked at only: it does not run. stack.ts removes it. */
async function made(api: API): Promise<string> {
  const { provider } = (await api.ask('{ images { provider { id } } }')).images[0]
  const done = await api.done(
    'mutation($input: CreateVMInput!) { done: createVM(input: $input) { vm { id } operation { id } } }',
    {
      input: {
        provider: provider.id,
        name: `axe-${Date.now().toString(36)}`,
        vcpus: 1,
        memoryMiB: 128,
        start: false,
        disks: [{ image: stack.image() }],
        tags: [{ key: 'made-by', value: 'axe' }],
      },
    },
  )
  return done.vm.id
}
