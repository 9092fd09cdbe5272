import type { Browser, Page } from '@playwright/test'
import { axe, expect, test } from '../dashboard.ts'

/** What the issuer lets everybody in with. */
const password = 'tuesday'

/** Somebody in a browser of their own, signed in through the issuer from a page that they were going to. */
async function person(browser: Browser, baseURL: string | undefined, name: string, going = '/vms'): Promise<Page> {
  const context = await browser.newContext({ baseURL })
  const page = await context.newPage()
  await page.goto(going)
  await page.getByRole('link', { name: 'Sign in with Company' }).click()
  await expect(page).toHaveURL(/^http:\/\/localhost:/)
  await page.locator('[name=name]').fill(name)
  await page.locator('[name=password]').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page).toHaveURL(new RegExp(`${going}$`))
  return page
}

/** Asks the API as the person whose page it is. */
async function ask(page: Page, query: string, variables = {}) {
  const origin = new URL(page.url()).origin
  const reply = await page.request.post('/graphql', { data: { query, variables }, headers: { origin } })
  return reply.json()
}

const addHost = (page: Page, name: string) =>
  ask(page, 'mutation($name: String!) { addProvider(input: {name: $name, kind: FAKE, host: $name}) { provider { id } } }', {
    name,
  })

test('four people of two organisations sign in by the issuer, and each sees their own', async ({ browser, baseURL }) => {
  const ada = await person(browser, baseURL, 'ada')
  expect((await addHost(ada, 'acme-lab')).errors).toBeUndefined()
  const gita = await person(browser, baseURL, 'gita')
  expect((await addHost(gita, 'globex-lab')).errors).toBeUndefined()
  const amir = await person(browser, baseURL, 'amir')
  const gus = await person(browser, baseURL, 'gus')
  for (const [page, own, others] of [
    [ada, 'acme-lab', 'globex-lab'],
    [amir, 'acme-lab', 'globex-lab'],
    [gita, 'globex-lab', 'acme-lab'],
    [gus, 'globex-lab', 'acme-lab'],
  ] as const) {
    await page.goto('/hosts')
    await expect(page.getByText(own).first()).toBeVisible()
    await expect(page.getByText(others)).toHaveCount(0)
    await page.goto('/vms')
    await expect(page.getByRole('row')).not.toHaveCount(0)
    await expect(page.getByText(others)).toHaveCount(0)
  }

  // An id of the other organisation is an id of nothing.
  const { data } = await ask(ada, '{ vms(first: 1) { edges { node { id } } } }')
  const theirs = data.vms.edges[0].node.id
  const got = await ask(gita, 'query($id: ID!) { vm(id: $id) { name } node(id: $id) { __typename } }', { id: theirs })
  expect(got.data).toEqual({ vm: null, node: null })
  await gita.goto(`/vms/${theirs}`)
  await expect(gita.getByText(/no such|not found|nothing here|there is no/i).first()).toBeVisible()

  // An operator has no say over people; an administrator has.
  await ada.goto('/people')
  await expect(ada.getByText('amir').first()).toBeVisible()
  await expect(ada.getByText('gus')).toHaveCount(0)
  await axe(ada, 'people')
  await amir.goto('/people')
  await expect(amir.getByText('gus')).toHaveCount(0)

  // Signed out here is signed out.
  await ada.goto('/account')
  await expect(ada.getByRole('heading', { level: 1 })).toBeVisible()
  await axe(ada, 'account')
  await ada.request.post('/auth/sign-out', { headers: { origin: new URL(ada.url()).origin } })
  await ada.goto('/vms')
  await expect(ada).toHaveURL(/\/sign-in/)
})

test('whoever the issuer refuses is told so', async ({ page }) => {
  await page.goto('/sign-in')
  await page.getByRole('link', { name: 'Sign in with Company' }).click()
  await page.locator('[name=name]').fill('ada')
  await page.locator('[name=password]').fill('wrong')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page).toHaveURL(/^http:\/\/localhost:/)
  await page.goto('/sign-in?problem=expired&request=0190-a')
  await expect(page.getByRole('alert').filter({ hasText: 'took too long' })).toBeVisible()
  await axe(page, 'sign-in')
})
