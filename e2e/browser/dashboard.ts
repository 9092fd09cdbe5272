import { AxeBuilder } from '@axe-core/playwright'
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

type VM = { id: string; name: string }
type Cookies = Awaited<ReturnType<BrowserContext['cookies']>>

export const test = base.extend<{ refusals: boolean; signedIn: Page }, { api: API; session: Cookies; vm: VM }>({
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
  /** A VM that is looked at only: it does not run. stack.ts removes it. */
  vm: [async ({ api }, use) => use(await made(api, 'still', false)), { scope: 'worker' }],
  /** Whether the pages' policy is to refuse something in this test. */
  refusals: [false, { option: true }],
  context: async ({ context, refusals }, use) => {
    const refused: string[] = []
    context.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) refused.push(`${message.page()?.url()}: ${message.text()}`)
    })
    await use(context)
    expect(refused.length > 0, refused.join('\n')).toBe(refusals)
  },
  /** A page of somebody who has signed in already. */
  signedIn: async ({ page, session }, use) => {
    await page.context().addCookies(session)
    await use(page)
  },
})

/** A VM from an image, at the image's place. */
export async function made(api: API, name: string, start: boolean, image = stack.image()): Promise<VM> {
  const { provider } = (await api.ask('query($id: ID!) { image(id: $id) { provider { id } } }', { id: image })).image
  const done = await api.done(
    'mutation($input: CreateVMInput!) { done: createVM(input: $input) { vm { id name } operation { id } } }',
    {
      input: {
        provider: provider.id,
        name: `${name}-${Date.now().toString(36)}`,
        vcpus: 1,
        memoryMiB: 128,
        start,
        disks: [{ image }],
        tags: [{ key: 'made-by', value: 'a-test' }],
      },
    },
  )
  return done.vm
}

/** What axe finds on the page as it is, in both themes: nothing. */
export async function axe(page: Page, what: string) {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    // Colours may be on their way from one theme to the other.
    await page.evaluate(() => Promise.allSettled(document.getAnimations().map((each) => each.finished)))
    const { violations } = await new AxeBuilder({ page }).analyze()
    const found = violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`))
    expect.soft(found, `${what}, ${colorScheme}`).toEqual([])
  }
}

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
