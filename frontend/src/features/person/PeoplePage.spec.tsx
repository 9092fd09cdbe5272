import { screen, waitFor, within } from '@testing-library/react'
import type { UserEvent } from '@testing-library/user-event'
import { beforeEach, expect, test, vi } from 'vitest'
import { ROLE_NAME } from '@/lib/roles'
import { renderPage } from '../../../mock/harness'
import { goTo } from '../../../mock/navigation'
import { seed } from '../../../mock/seed'
import { World } from '../../../mock/world'
import { PeoplePage } from './PeoplePage'

vi.mock('next/navigation', () => import('../../../mock/navigation'))
beforeEach(() => goTo('/people'))

const rowOf = (name: string) => screen.findByRole('row', { name: new RegExp(`^${name}\\b`) })

async function choose(user: UserEvent, name: string, verb: RegExp) {
  await user.click(within(await rowOf(name)).getByRole('button', { name: `Actions for ${name}` }))
  return screen.findByRole('menuitem', { name: verb })
}

async function confirm(user: UserEvent, label: string) {
  await user.click(within(await screen.findByRole('dialog')).getByRole('button', { name: label }))
}

test('the text in the address is what is searched for', async () => {
  goTo('/people?q=northwind+operator')
  const { user } = renderPage(<PeoplePage />)
  await rowOf('ci-runner')
  expect(screen.getAllByRole('row')).toHaveLength(2)
  await user.type(screen.getByRole('searchbox'), ' nobody')
  await user.click(await screen.findByRole('button', { name: 'Clear search' }))
  await rowOf('barbara')
})

test('a role is given, with an end', async () => {
  const { user, world } = renderPage(<PeoplePage />)
  await user.click(await choose(user, 'alan@northwind.example', /^Give a role/))
  const dialog = await screen.findByRole('dialog', { name: 'A role for Alan Turing' })
  await user.click(within(dialog).getByRole('radio', { name: /^Operator/ }))
  within(dialog).getByText(/make them administrator already/)
  await user.click(within(dialog).getByRole('radio', { name: /^Owner/ }))
  expect(within(dialog).queryByText(/already/)).toBeNull()
  await user.selectOptions(within(dialog).getByLabelText('Ends'), 'In a week')
  const before = Date.now()
  await confirm(user, 'Give the role')
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
  const alan = world.db.people.get('user_2')
  expect(alan?.roleByHand).toBe('OWNER')
  expect(Math.round((Date.parse(String(alan?.roleByHandEnds)) - before) / 3_600_000)).toBe(7 * 24)
  within(await rowOf('alan@northwind.example')).getByText(ROLE_NAME.OWNER)
})

test('an end that stands is kept unless another one is chosen', async () => {
  const { user, world } = renderPage(<PeoplePage />)
  const barbara = world.db.people.get('user_3')
  const ends = barbara?.roleByHandEnds
  await user.click(await choose(user, 'barbara', /^Change the role/))
  await user.click(await screen.findByRole('radio', { name: /^Viewer/ }))
  await confirm(user, 'Give the role')
  await waitFor(() => expect(barbara?.roleByHand).toBe('VIEWER'))
  expect(barbara?.roleByHandEnds).toBe(ends)
})

test('who has no other role leaves with it; who has one by rules stays', async () => {
  const { user } = renderPage(<PeoplePage />)
  await user.click(await choose(user, 'grace', /^Take the role back/))
  within(await screen.findByRole('dialog')).getByText(/By the rules of Northwind they stay viewer/)
  await confirm(user, 'Take back')
  await waitFor(async () => within(await rowOf('grace')).getByText('by the rules of Northwind'))

  await user.click(await choose(user, 'barbara', /^Take the role back/))
  within(await screen.findByRole('dialog')).getByText(/do not belong to Default any more/)
  await confirm(user, 'Take back')
  await waitFor(() => expect(screen.queryByRole('row', { name: /^barbara/ })).toBeNull())
})

test('from somebody it is a step to what they may do, what they did and what was done to them', async () => {
  const { user } = renderPage(<PeoplePage />)
  for (const [label, href] of [
    ['What they may do', '/policies?tab=ask&who=user_3'],
    ['What they did', '/audit?actor=barbara'],
    ['What was done to them', '/audit?target=user_3'],
  ]) {
    expect((await choose(user, 'barbara', new RegExp(`^${label}`))).getAttribute('href')).toBe(href)
    await user.keyboard('{Escape}')
  }
})

test('an account is switched off, and on again', async () => {
  const { user, world } = renderPage(<PeoplePage />)
  await user.click(await choose(user, 'barbara', /^Switch off/))
  within(await screen.findByRole('dialog')).getByText(/API tokens are refused/)
  await confirm(user, 'Switch off')
  await waitFor(async () => within(await rowOf('barbara')).getByText('Switched off'))
  expect(world.db.people.get('user_3')?.active).toBe(false)
  await user.click(await choose(user, 'barbara', /^Switch on/))
  await confirm(user, 'Switch on')
  await waitFor(async () => within(await rowOf('barbara')).getByText('Active'))
})

test('a new password is shown until it is said to be copied', async () => {
  const { user } = renderPage(<PeoplePage />)
  await user.click(await choose(user, 'barbara', /^New password/))
  await confirm(user, 'Make a new one')
  await screen.findByRole('dialog', { name: 'The new password of barbara' })
  await user.keyboard('{Escape}')
  screen.getByRole('button', { name: 'Copy password' })
  await user.click(screen.getByRole('button', { name: 'I have copied it' }))
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
})

test.each([
  ['alan@northwind.example', /^New password/, 'They change their password there.'],
  ['alan@northwind.example', /^Take the role back/, 'Nobody gave them a role by hand.'],
  ['katherine', /^Switch off/, 'Their account belongs to another organisation.'],
  ['admin', /^Change the role/, 'This is you.'],
])('for %s, %s stays and says why not', async (name, verb, reason) => {
  const { user } = renderPage(<PeoplePage />)
  const entry = await choose(user, name, verb)
  expect(entry.getAttribute('aria-disabled')).toBe('true')
  expect(entry.textContent).toContain(reason)
  await user.click(entry)
  expect(screen.queryByRole('dialog')).toBeNull()
})

test('a person is added; a name that cannot be is told at its field', async () => {
  const { user } = renderPage(<PeoplePage />)
  await user.click(await screen.findByRole('button', { name: 'Add a person' }))
  const field = await screen.findByLabelText('Sign-in name')
  await user.type(field, 'barbara')
  await confirm(user, 'Add the person')
  await waitFor(() => expect(field.getAttribute('aria-invalid')).toBe('true'))
  expect(document.activeElement).toBe(field)
  await user.clear(field)
  await user.type(field, 'hedy')
  await confirm(user, 'Add the person')
  await screen.findByRole('dialog', { name: 'The password of hedy' })
  await user.click(screen.getByRole('button', { name: 'I have copied it' }))
  await rowOf('hedy')
})

test('who is no administrator is told so, and nothing is asked', async () => {
  const world = new World(seed(3), 0.02)
  world.db.here = world.db.organisations.find(({ role }) => role === 'OPERATOR')?.tenant.id ?? ''
  renderPage(<PeoplePage />, world)
  await screen.findByText('People are for administrators to see')
  screen.getByText('Your role OPERATOR may not do this. Ask an administrator for the role ADMIN.')
  expect(screen.queryByRole('table')).toBeNull()
  expect(screen.queryByRole('alert')).toBeNull()
})

test('an administrator gives no more than they have', async () => {
  const world = new World(seed(3), 0.02)
  for (const each of world.db.organisations) each.role = 'ADMIN'
  const { user } = renderPage(<PeoplePage />, world)
  const entry = await choose(user, 'margaret', /^Give a role/)
  expect(entry.textContent).toContain('They may do more than you.')
  await user.keyboard('{Escape}')
  await user.click(await choose(user, 'barbara', /^Change the role/))
  await screen.findByRole('dialog')
  expect(screen.queryByRole('radio', { name: /^Owner/ })).toBeNull()
  screen.getByRole('radio', { name: /^Administrator/ })
})

const partOf = async (user: UserEvent) => {
  await user.click(await choose(user, 'barbara', /^Change the role/))
  const dialog = within(await screen.findByRole('dialog', { name: 'A role for barbara' }))
  await user.click(dialog.getByRole('radio', { name: /^On a part/ }))
  await dialog.findByLabelText('Find VMs')
  return dialog
}

test('a role is given on a part: hosts, VMs that were searched for, and tags', async () => {
  const { user, world } = renderPage(<PeoplePage />)
  const barbara = world.db.people.get('user_3')
  const before = barbara?.roleByHand
  const dialog = await partOf(user)
  await user.click(dialog.getByRole('radio', { name: /^Administrator/ }))
  const [host] = [...world.db.providers.values()]
  await user.click(dialog.getByRole('checkbox', { name: host?.name }))
  const vm = [...world.db.vms.values()].at(-1)
  await user.type(dialog.getByLabelText('Find VMs'), vm?.name ?? '')
  const option = await dialog.findByRole('option', { name: new RegExp(`^${vm?.name} on`) })
  await waitFor(() => expect(dialog.getAllByRole('option', { name: / on / })).toHaveLength(1))
  await user.selectOptions(dialog.getByLabelText('VMs'), option)
  within(dialog.getByRole('list', { name: 'Chosen VMs' })).getByText(vm?.name ?? '')
  await user.type(dialog.getByLabelText(/^VMs with one of these tags/), 'team=web')
  await user.selectOptions(dialog.getByLabelText('Ends'), 'In a week')
  await confirm(user, 'Give the role')
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
  expect(barbara?.parts).toEqual([
    {
      id: expect.any(String),
      role: 'ADMIN',
      on: { providers: [host?.id], vms: [vm?.id], tags: [{ key: 'team', value: 'web' }] },
      expiresAt: expect.any(String),
    },
  ])
  expect(barbara?.roleByHand).toBe(before)
  within(await rowOf('barbara')).getByText(/^administrator on 1 host, 1 VM, team=web until/)
})

test('a part of nothing is not sent', async () => {
  const { user, world } = renderPage(<PeoplePage />)
  const dialog = await partOf(user)
  dialog.getByText(/^They are operator on everything already/)
  await confirm(user, 'Give the role')
  dialog.getByText('Choose a host or a VM, or name a tag.')
  await waitFor(() => expect(document.activeElement).toBe(dialog.getByLabelText('VMs')))
  expect(world.db.people.get('user_3')?.parts).toEqual([])
})

test('each role says where it counts, and is taken back alone', async () => {
  const { user, world } = renderPage(<PeoplePage />)
  const runner = [...world.db.people.values()].find(({ name }) => name === 'ci-runner')
  await user.click(await choose(user, 'ci-runner', /^Their roles/))
  const dialog = () => screen.findByRole('dialog', { name: 'Roles of ci-runner' })
  const list = await within(await dialog()).findByRole('list', { name: 'Roles' })
  const vm = within(list).getByRole('link', { name: world.db.vms.get('vm_001')?.name })
  expect(vm.getAttribute('href')).toBe('/vms/vm_001')
  within(list).getByText('one that is gone')
  within(list).getByText('use=ci')
  const byRules = within(list).getByRole('button', { name: 'Take back: operator on everything' })
  expect(byRules.getAttribute('aria-disabled')).toBe('true')
  await user.click(within(list).getByRole('button', { name: 'Take back: owner on 2 VMs' }))
  const question = within(await screen.findByRole('dialog', { name: 'Take back: owner on 2 VMs?' }))
  question.getByText(/keeps the other roles: operator on everything; administrator on 1 host, use=ci\.$/)
  await user.click(question.getByRole('button', { name: 'Take back' }))
  await waitFor(() => expect(runner?.parts.map(({ id }) => id)).toEqual(['grant_ci']))
  expect(runner?.roleByIssuer).toBe('OPERATOR')
})

test('who has one role alone leaves with it', async () => {
  const { user } = renderPage(<PeoplePage />)
  await user.click(await choose(user, 'barbara', /^Their roles/))
  await user.click(await screen.findByRole('button', { name: 'Take back: operator on everything' }))
  within(await screen.findByRole('dialog', { name: /^Take back: operator/ })).getByText(
    /do not belong to Default any more/,
  )
  await confirm(user, 'Take back')
  await waitFor(() => expect(screen.queryByRole('row', { name: /^barbara/ })).toBeNull())
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
})
