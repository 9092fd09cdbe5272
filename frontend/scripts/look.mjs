// Looks at every page in four ways (light, dark; wide, phone): a picture of each, and what axe finds.
//   npm run look -- --origin http://127.0.0.1:3000 --out /tmp/look [--only vms,host] [--ways light-wide]
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { AxeBuilder } from '@axe-core/playwright'
import { chromium } from 'playwright-core'

const { values: options } = parseArgs({
  options: {
    origin: { type: 'string', default: 'http://127.0.0.1:3000' },
    out: { type: 'string', default: '/tmp/look' },
    only: { type: 'string', default: '' },
    ways: { type: 'string', default: 'light-wide,dark-wide,light-phone,dark-phone' },
    name: { type: 'string', default: 'admin' },
    password: { type: 'string', default: 'admin' },
    vm: { type: 'string', default: 'vm_001' },
    host: { type: 'string', default: 'host_2' },
  },
})

const vm = `/vms/${options.vm}`
const PAGES = {
  'sign-in': { path: '/sign-in', stranger: true },
  'sign-in-wrong': { path: '/sign-in', stranger: true, act: signInWrong },
  'sign-in-password': { path: '/sign-in', stranger: true, before: noIssuers },
  'sign-in-problem': {
    path: '/sign-in?problem=no-role&request=0190b4c2-7d1e-7c55-9f0a-3b6c8d2e4f10&to=%2Fhosts',
    stranger: true,
  },
  vms: { path: '/vms' },
  'vms-filtered': { path: '/vms?q=status%3Astopped%20status%3Aunknown%20host%3Akvm-03&sort=-memory' },
  'vms-none': { path: '/vms?q=nosuchthing' },
  'vms-nonsense': { path: '/vms?q=host%3Anosuchhost' },
  'vms-refused': { path: '/vms?q=one+two+three+four+five+six+seven+eight+nine' },
  'vms-menu': {
    path: '/vms',
    act: (page) =>
      page
        .getByRole('button', { name: /^Actions for/ })
        .nth(2)
        .click(),
  },
  'vms-bulk': { path: '/vms', act: bulk },
  vm: { path: vm },
  'vm-console': { path: `${vm}?tab=console`, wait: 2500 },
  'vm-disks': { path: `${vm}?tab=disks` },
  'vm-disks-attach': {
    path: `${vm}?tab=disks`,
    act: (page) => page.getByRole('button', { name: 'Attach a disk' }).click(),
  },
  'vm-network': { path: `${vm}?tab=network` },
  'vm-snapshots': { path: `${vm}?tab=snapshots` },
  'vm-operations': { path: `${vm}?tab=operations` },
  'vm-settings': { path: `${vm}?tab=settings`, act: resize },
  'vm-delete': { path: vm, act: remove },
  'vm-pending': { path: '/vms/vm_00d' },
  'vm-pending-settings': { path: '/vms/vm_00d?tab=settings', act: slip },
  'vm-gone': { path: '/vms/vm_none' },
  'vm-unmade': { path: '/vms/new', act: createInVain, wait: 1200 },
  'vm-stale': { path: '/vms/vm_007' },
  'vm-new': { path: '/vms/new' },
  'vm-new-over': { path: '/vms/new', act: (page) => page.getByLabel('vCPUs', { exact: true }).fill('250') },
  'vm-new-fault': { path: '/vms/new', act: createTwice },
  hosts: { path: '/hosts' },
  host: { path: `/hosts/${options.host}` },
  'host-edit': {
    path: `/hosts/${options.host}`,
    act: (page) => page.getByRole('button', { name: 'Edit', exact: true }).click(),
  },
  'vms-creating': { path: '/vms/new', act: create, wait: 1200 },
  'host-new': { path: '/hosts/new' },
  'host-new-fault': { path: '/hosts/new', act: testHost },
  images: { path: '/images' },
  'images-upload': { path: '/images', act: uploadNothing },
  'images-import': { path: '/images', act: (page) => page.getByRole('button', { name: 'Add an image' }).click() },
  operations: { path: '/operations' },
  'operations-open': { path: '/operations?open=op_stuck' },
  settings: { path: '/settings' },
  account: { path: '/account' },
  'account-menu': { path: '/images', act: (page) => page.getByRole('button', { name: /^Account of/ }).click() },
  'account-end': { path: '/account', act: (page) => page.getByRole('button', { name: 'End all others' }).click() },
  'account-token': { path: '/account', act: (page) => page.getByRole('button', { name: 'New token' }).click() },
  people: { path: '/people' },
  'people-none': { path: '/people?q=nobody' },
  'people-loading': { path: '/people', before: slowPeople },
  'people-menu': { path: '/people', act: (page) => personMenu(page, 'alan@northwind.example') },
  'people-role': { path: '/people', act: (page) => person(page, 'grace', /^Change the role/) },
  'people-revoke': { path: '/people', act: (page) => person(page, 'barbara', /^Take the role back/) },
  'people-off': { path: '/people', act: (page) => person(page, 'barbara', /^Switch off/) },
  'people-password': { path: '/people', act: newPassword },
  'people-add': { path: '/people', act: addNobody },
  'people-refused': { path: '/people', before: operator },
  'people-part': { path: '/people', act: (page) => part(page, true) },
  'people-part-fault': { path: '/people', act: (page) => part(page, false) },
  'people-grants': { path: '/people', act: (page) => person(page, 'ci-runner', /^Their roles/) },
  'people-grant-back': { path: '/people', act: takeOneBack },
  organisations: { path: '/organisations' },
  'organisations-limits': { path: '/organisations', act: limits },
  'organisations-add': { path: '/organisations', act: addOrganisation },
  'organisations-refused': { path: '/organisations', before: noPlatform },
  audit: { path: '/audit' },
  'audit-open': {
    path: '/audit?outcome=denied',
    act: (page) =>
      page
        .getByRole('button', { name: /^Details of: Delete/ })
        .first()
        .click(),
  },
  'audit-filtered': { path: '/audit?target=vm_gone&since=2020-01-01T00:00:00Z', act: unfold },
  'audit-none': { path: '/audit?actor=nobody' },
  'audit-refused': { path: '/audit', before: operator },
  policies: { path: '/policies' },
  'policies-edit': { path: '/policies?edit=policy_1' },
  'policies-new': { path: '/policies?edit=new', act: example },
  'policies-fault': { path: '/policies?edit=policy_2', act: misspell },
  'policies-remove': {
    path: '/policies?edit=policy_1',
    act: (page) => page.getByRole('button', { name: 'Remove' }).click(),
  },
  'policies-unsaved': { path: '/policies?edit=policy_1', act: leave },
  'policies-house': { path: '/policies', act: unfold },
  'policies-ask': { path: '/policies?tab=ask&who=user_3&may=deleteVM&on=vm_001' },
  'policies-refused': { path: '/policies', before: operator },
  explorer: { path: '/explorer', wait: 4000 },
}

async function noIssuers(page) {
  await page.route('**/auth/issuers', (route) => route.fulfill({ json: [] }))
}

/** What the API says to an operator, without becoming one. */
async function operator(page) {
  await page.route('**/graphql', async (route) => {
    const reply = await route.fetch()
    await route.fulfill({ body: (await reply.text()).replace('"role":"OWNER"', '"role":"OPERATOR"') })
  })
}

async function noPlatform(page) {
  await page.route('**/graphql', async (route) => {
    const reply = await route.fetch()
    await route.fulfill({ body: (await reply.text()).replace('"platformAdmin":true', '"platformAdmin":false') })
  })
}

async function part(page, full) {
  await person(page, 'barbara', /^Change the role/)
  await page.getByRole('radio', { name: /^On a part/ }).check()
  if (full) {
    await page.getByRole('checkbox').first().check()
    await page.getByLabel('VMs', { exact: true }).selectOption({ index: 1 })
    await page.getByLabel('VMs with one of these tags').fill('team=web')
  } else {
    await page.getByRole('button', { name: 'Give the role' }).click()
    await page.locator('[aria-invalid=true]').waitFor()
  }
}

async function takeOneBack(page) {
  await person(page, 'ci-runner', /^Their roles/)
  await page.getByRole('button', { name: /^Take back: owner/ }).click()
}

async function limits(page) {
  await page.getByRole('button', { name: 'Change the limits of Lab' }).click()
  await page.getByLabel('vCPUs', { exact: true }).fill('10')
  await page.getByLabel('Memory', { exact: true }).fill('much')
  await page.getByRole('button', { name: 'Change the limits', exact: true }).click()
  await page.locator('[aria-invalid=true]').waitFor()
}

async function addOrganisation(page) {
  await page.getByRole('button', { name: 'Add an organisation' }).click()
  await page.getByLabel('Name').fill('Lab')
  await page.getByRole('button', { name: 'Add the organisation' }).click()
  await page.locator('[aria-invalid=true]').waitFor()
}

async function leave(page) {
  await page.getByRole('textbox', { name: 'Policy', exact: true }).fill('permit (principal, action, resource);')
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('dialog').waitFor()
}

async function unfold(page) {
  for (const fold of await page.locator('main summary').all()) await fold.click()
}

async function example(page) {
  await page.getByRole('button', { name: /^Keep production/ }).click()
}

async function misspell(page) {
  await page
    .getByRole('textbox', { name: 'Policy', exact: true })
    .fill('permit (principal, action, resource);\nallow all;')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.locator('[aria-invalid=true]').waitFor()
}

async function slowPeople(page) {
  await page.route('**/graphql', (route) =>
    route.request().postDataJSON().operationName === 'PeoplePageQuery' ? undefined : route.continue(),
  )
}

async function personMenu(page, name) {
  await page.getByRole('button', { name: `Actions for ${name}` }).click()
}

async function person(page, name, verb) {
  await personMenu(page, name)
  await page.getByRole('menuitem', { name: verb }).click()
  await page.getByRole('dialog').waitFor()
}

async function newPassword(page) {
  await person(page, 'barbara', /^New password/)
  await page.getByRole('button', { name: 'Make a new one' }).click()
  await page.getByText('Copy it now').waitFor()
}

async function addNobody(page) {
  await page.getByRole('button', { name: 'Add a person' }).click()
  await page.getByLabel('Sign-in name').fill('no name')
  await page.getByRole('button', { name: 'Add the person' }).click()
  await page.locator('[aria-invalid=true]').waitFor()
}

async function signInWrong(page) {
  const fold = page.getByText('Sign in with a password')
  if (await fold.isVisible()) await fold.click()
  await page.getByLabel('Name').fill('admin')
  await page.getByLabel('Password').fill('wrong')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.locator('form').getByRole('alert').waitFor()
}

async function bulk(page) {
  for (const row of [1, 3, 4])
    await page
      .getByRole('checkbox', { name: /^Select / })
      .nth(row)
      .check()
  await page.getByRole('button', { name: 'Shut down', exact: true }).click()
  await page.getByRole('dialog').waitFor()
}

async function create(page) {
  await page.getByLabel('Name', { exact: true }).fill(`made-${Date.now().toString(36)}`)
  await page.getByRole('button', { name: 'Create VM' }).click()
  await page.waitForURL(/\/vms\/vm_/)
  await page.goto('/vms')
  await page.getByText('Creating').first().waitFor()
}

async function createInVain(page) {
  await page.getByLabel('Name', { exact: true }).fill(`vain-${Date.now().toString(36)}`)
  await page.getByRole('button', { name: 'Create VM' }).click()
  await page.getByRole('button', { name: /^Cancel/ }).click()
  await page.getByText(/was not made/).waitFor()
}

async function slip(page) {
  await page.getByLabel('Disk vda', { exact: true }).fill('99999999999999999999')
}

async function uploadNothing(page) {
  await page.getByRole('button', { name: 'Add an image' }).click()
  await page.getByRole('radio', { name: /This computer/ }).check()
  await page.getByRole('button', { name: 'Upload' }).click()
}

async function resize(page) {
  await page.getByLabel('vCPUs', { exact: true }).fill('2')
  await page.getByLabel('Memory', { exact: true }).fill('8')
  await page.waitForTimeout(900)
}

async function remove(page) {
  await page.getByRole('button', { name: /^More actions/ }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.getByRole('dialog').waitFor()
}

async function createTwice(page) {
  await page.getByLabel('Name', { exact: true }).fill('api-01')
  await page.getByRole('button', { name: 'Create VM' }).click()
  await page.waitForTimeout(800)
}

async function testHost(page) {
  await page.getByLabel('Name', { exact: true }).fill('kvm-09')
  await page.getByLabel('TLS').check()
  await page.getByLabel('Address').fill('down.dc1.example')
  await page.getByRole('textbox', { name: 'Authority’s certificate' }).fill('-----BEGIN CERTIFICATE-----')
  await page.getByRole('button', { name: 'Test the connection' }).click()
  await page.locator('[aria-invalid=true]').first().waitFor()
}

mkdirSync(options.out, { recursive: true })
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
})
let faults = 0

for (const way of options.ways.split(',')) {
  const [theme, size] = way.split('-')
  const phone = size === 'phone'
  const look = {
    colorScheme: theme,
    viewport: phone ? { width: 390, height: 844 } : { width: 1440, height: 900 },
    hasTouch: phone,
    isMobile: phone,
    deviceScaleFactor: phone ? 2 : 1,
  }
  const context = await browser.newContext({ ...look, baseURL: options.origin, reducedMotion: 'reduce' })
  const stranger = await browser.newContext({ ...look, baseURL: options.origin, reducedMotion: 'reduce' })
  await context.request.post('/auth/sign-in', { data: { name: options.name, password: options.password } })
  for (const [name, view] of Object.entries(PAGES)) {
    if (
      options.only &&
      !options.only
        .split(',')
        .some((part) => name === part || (part.endsWith('*') && name.startsWith(part.slice(0, -1))))
    )
      continue
    const page = await (view.stranger ? stranger : context).newPage()
    page.on('pageerror', (error) => console.log(`  ${name} ${way}: page error: ${error.message.split('\n')[0]}`))
    page.on('console', (message) => {
      if (message.type() === 'error' && !/40[14]/.test(message.text()))
        console.log(`  ${name} ${way}: ${message.text().slice(0, 300)}`)
    })
    try {
      await view.before?.(page)
      await page.goto(view.path, { waitUntil: 'load' })
      await page.getByRole('heading', { level: 1 }).first().waitFor({ timeout: 30_000 })
      await page.waitForTimeout(view.wait ?? 900)
      await view.act?.(page)
      await page.waitForTimeout(500)
      await page.screenshot({ path: join(options.out, `${name}.${way}.png`) })
      const { violations } = await new AxeBuilder({ page }).analyze()
      for (const { id, impact, nodes } of violations) {
        faults += nodes.length
        console.log(`✗ ${name} ${way}: ${id} (${impact}) ×${nodes.length}`)
        for (const node of nodes.slice(0, 3))
          console.log(`    ${node.target.join(' ')}  ${node.any[0]?.message ?? node.failureSummary ?? ''}`)
      }
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      if (wider > 0) console.log(`✗ ${name} ${way}: scrolls sideways by ${wider} px`)
    } catch (error) {
      faults++
      console.log(`✗ ${name} ${way}: ${String(error).split('\n')[0]}`)
      await page.screenshot({ path: join(options.out, `${name}.${way}.png`) }).catch(() => {})
    }
    await page.close()
  }
  await context.close()
  await stranger.close()
}
await browser.close()
console.log(
  faults === 0 ? `axe finds nothing; pictures in ${options.out}` : `${faults} faults; pictures in ${options.out}`,
)
process.exit(faults === 0 ? 0 : 1)
