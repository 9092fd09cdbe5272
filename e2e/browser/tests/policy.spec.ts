import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, stack, test } from '../dashboard.ts'

/** Every page; that nothing of ours is refused on them, nor on those of other tests, dashboard.ts looks after. */
const PAGES = [
  '/vms',
  '/vms/new',
  '/hosts',
  '/hosts/new',
  '/images',
  '/operations',
  '/people',
  '/policies',
  '/audit',
  '/organisations',
  '/settings',
  '/account',
]

test('pages say what they may do', async ({ signedIn: page }) => {
  for (const path of ['/sign-in', ...PAGES, '/explorer', '/no-such-page']) {
    const headers = (await page.request.get(path, { maxRedirects: 0 })).headers()
    const policy = new Map(
      headers['content-security-policy']?.split('; ').map((rule) => {
        const [name = '', ...sources] = rule.split(' ')
        return [name, sources]
      }),
    )
    expect(policy.get('default-src'), path).toEqual(["'none'"])
    expect(policy.get('frame-ancestors'), path).toEqual(["'none'"])
    for (const source of policy.get('script-src') ?? ['none at all'])
      expect(source, path).toMatch(/^('self'|'sha256-[A-Za-z0-9+/]{43}=')$/)
    expect(headers, path).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
    })
    expect(headers['strict-transport-security'], 'without TLS').toBeUndefined()
  }
  const secure = await page.request.get('/sign-in', { headers: { 'X-Forwarded-Proto': 'https' } })
  expect(secure.headers()['strict-transport-security']).toMatch(/^max-age=\d{8}/)
})

test('every page works under its policy, and asks what is in the manifest', async ({ signedIn: page, vm }) => {
  const asked = new Set<string>()
  page.on('request', (request) => {
    if (request.method() === 'POST' && new URL(request.url()).pathname === '/graphql')
      asked.add(request.postDataJSON().query)
  })
  page.on('websocket', (socket) =>
    socket.on('framesent', ({ payload }) => {
      const message = JSON.parse(String(payload))
      if (message.type === 'subscribe') asked.add(message.payload.query)
    }),
  )
  for (const path of [
    ...PAGES,
    `/vms/${vm.id}`,
    `/vms/${vm.id}?tab=console&console=serial`,
    `/hosts/${stack.host()}`,
  ]) {
    await page.goto(path)
    await expect(page.getByRole('heading', { level: 1 }).first()).toBeVisible()
    await page.waitForLoadState('networkidle')
  }
  const manifest = JSON.parse(
    readFileSync(join(dirname(process.env.NOVACRON_TEST_DASHBOARD ?? ''), 'persisted_operations.json'), 'utf8'),
  )
  const documents = Object.values(manifest)
  expect([...asked].filter((document) => !documents.includes(document))).toEqual([])
  expect([...asked].some((document) => document.startsWith('subscription'))).toBe(true)
  // The explorer is for asking anything.
  await page.goto('/explorer')
  await expect(page.locator('.graphiql-container')).toBeVisible()
})

test.describe('what somebody has slipped in', () => {
  test.use({ refusals: true })

  test('is not run', async ({ signedIn: page }) => {
    await page.goto('/vms')
    await expect(page.getByRole('heading', { level: 1 }).first()).toBeVisible()
    const ran = await page.evaluate(async () => {
      const slipped = document.createElement('div')
      slipped.innerHTML = '<img src="data:," onerror="window.ran = true"><a href="javascript:window.ran = true">on</a>'
      const script = document.createElement('script')
      script.textContent = 'window.ran = true'
      document.body.append(slipped, script)
      slipped.querySelector('a')?.click()
      await new Promise((resolve) => setTimeout(resolve, 500))
      return 'ran' in window
    })
    expect(ran).toBe(false)
    const reached = await page.evaluate(() =>
      fetch('http://127.0.0.1:9/').then(
        () => true,
        (cause) => String(cause),
      ),
    )
    expect(reached).toContain('TypeError')
  })
})
