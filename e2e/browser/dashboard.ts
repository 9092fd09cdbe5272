import { type BrowserContext, test as base, expect, type Locator, type Page } from '@playwright/test'
import { API } from './api.ts'

export { expect }

/** What stack.ts has started. */
const told = (name: string) => process.env[`NOVACRON_BROWSER_${name}`] ?? ''
export const stack = {
  name: 'admin',
  password: () => told('PASSWORD'),
  host: () => told('HOST'),
  image: () => told('IMAGE'),
}

type Cookies = Awaited<ReturnType<BrowserContext['cookies']>>

export const test = base.extend<{ signedIn: Page }, { api: API; session: Cookies }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads from it what is needed
  baseURL: async ({}, use) => use(told('ORIGIN')),
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads from it what is needed
  api: [async ({}, use) => use(new API(told('ORIGIN'), told('TOKEN'))), { scope: 'worker' }],
  session: [
    async ({ playwright }, use) => {
      const request = await playwright.request.newContext({ baseURL: told('ORIGIN') })
      const reply = await request.post('/auth/sign-in', { data: { name: stack.name, password: stack.password() } })
      expect(reply.ok()).toBe(true)
      const { cookies } = await request.storageState()
      await request.dispose()
      await use(cookies)
    },
    { scope: 'worker' },
  ],
  /** A page of somebody who has signed in already. */
  signedIn: async ({ page, session }, use) => {
    await page.context().addCookies(session)
    await use(page)
  },
})

/** How the VM of this page stands, as its header says it. */
export const state = (page: Page, word: string) => page.getByRole('button', { name: word, exact: true })

export const tab = (page: Page, name: string) =>
  page.getByRole('navigation', { name: 'Views of this VM' }).getByRole('link', { name })

/** An entry of the menu that is open, once it can be used. */
export async function entry(page: Page, name: string): Promise<Locator> {
  const item = page.getByRole('menuitem', { name, exact: true })
  await expect(item).not.toHaveAttribute('aria-disabled', 'true')
  return item
}

/** Goes on with Tab until it is there. */
export async function tabTo(page: Page, target: Locator) {
  await expect(target).toBeVisible()
  const here = () => target.evaluate((element) => element === document.activeElement)
  for (let steps = 0; steps < 150; steps++) {
    if (await here()) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab does not get to ${target}`)
}
