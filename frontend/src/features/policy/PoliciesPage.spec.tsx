import { screen, waitFor, within } from '@testing-library/react'
import { beforeEach, expect, test, vi } from 'vitest'
import { renderPage } from '../../../mock/harness'
import { goTo } from '../../../mock/navigation'
import { seed } from '../../../mock/seed'
import { World } from '../../../mock/world'
import { PoliciesPage } from './PoliciesPage'

vi.mock('next/navigation', () => import('../../../mock/navigation'))
beforeEach(() => goTo('/policies'))

const text = () => screen.findByLabelText<HTMLTextAreaElement>('Policy')
const as = (role: string) => {
  const world = new World(seed(30), 0.02)
  for (const each of world.db.organisations) each.role = role
  return world
}

test('a policy is switched off and on', async () => {
  const { user, world } = renderPage(<PoliciesPage />)
  const knob = await screen.findByRole('switch', { name: 'production counts' })
  expect(knob.getAttribute('aria-checked')).toBe('true')
  await user.click(knob)
  await waitFor(() => expect(knob.getAttribute('aria-checked')).toBe('false'))
  expect(world.db.policies.get('policy_1')).toMatchObject({ enabled: false, version: 4 })
  await user.click(knob)
  await waitFor(() => expect(knob.getAttribute('aria-checked')).toBe('true'))
})

test('what is wrong is told at its line, and goes away with the next letter', async () => {
  goTo('/policies?edit=policy_1')
  const { user, world } = renderPage(<PoliciesPage />)
  const field = await text()
  await user.type(field, 'allow everybody;')
  await user.click(screen.getByRole('button', { name: 'Save' }))
  await screen.findByText(/^Line 5: at “allow”, unexpected effect: allow/)
  expect(document.activeElement).toBe(field)
  expect(field.value.slice(0, field.selectionStart).split('\n')).toHaveLength(5)
  expect(field.getAttribute('aria-invalid')).toBe('true')
  expect(screen.queryByRole('alert')?.closest('[hidden]')).not.toBeNull()
  await user.clear(field)
  await user.type(field, 'permit (principal, action, resource);')
  expect(field.getAttribute('aria-invalid')).toBeNull()
  await user.click(screen.getByRole('button', { name: 'Save' }))
  await waitFor(() => expect(world.db.policies.get('policy_1')?.text).toBe('permit (principal, action, resource);'))
  await waitFor(() => expect(screen.queryByLabelText('Policy')).toBeNull())
})

test('what somebody else saved meanwhile is shown, and one of the two stays', async () => {
  goTo('/policies?edit=policy_1')
  const { user, world } = renderPage(<PoliciesPage />)
  const policy = world.db.policies.get('policy_1')
  await user.type(await text(), '// mine')
  Object.assign(policy ?? {}, { text: '// theirs', changedBy: 'barbara', version: 9 })
  await user.click(screen.getByRole('button', { name: 'Save' }))
  await screen.findByText(/^barbara has changed it meanwhile/)
  expect((screen.getByLabelText('What it says now') as HTMLTextAreaElement).value).toBe('// theirs')
  const save = screen.getByRole('button', { name: 'Save' })
  expect(save.getAttribute('aria-disabled')).toBe('true')
  expect(screen.getAllByRole('alert')).toHaveLength(1)
  expect(document.activeElement).toBe(screen.getByRole('alert'))
  await user.click(screen.getByRole('button', { name: 'Go on with mine' }))
  expect(screen.queryByRole('alert')).toBeNull()
  expect(document.activeElement).toBe(await text())
  await user.click(save)
  await waitFor(() => expect(policy?.text).toMatch(/\/\/ mine$/))
  expect(policy?.version).toBe(10)
})

test('theirs can be taken instead', async () => {
  goTo('/policies?edit=policy_1')
  const { user, world } = renderPage(<PoliciesPage />)
  await user.type(await text(), '// mine')
  Object.assign(world.db.policies.get('policy_1') ?? {}, { text: '// theirs', version: 9 })
  await user.click(screen.getByRole('button', { name: 'Save' }))
  await user.click(await screen.findByRole('button', { name: 'Take theirs' }))
  expect((await text()).value).toBe('// theirs')
})

test('one is begun with an example, which replaces only what was not written', async () => {
  const { user, world } = renderPage(<PoliciesPage />)
  await user.click(await screen.findByRole('button', { name: 'New policy' }))
  await user.click(await screen.findByRole('button', { name: /^Freeze/ }))
  expect((await text()).value).toContain('resource.hasTag("freeze")')
  await user.click(screen.getByRole('button', { name: /^One host/ }))
  const host = [...world.db.providers.values()].sort((a, b) => (a.name < b.name ? -1 : 1))[0]
  expect((await text()).value).toContain(`What is on ${host?.name} is for administrators.`)
  await user.type(await text(), '// and mine')
  await user.click(screen.getByRole('button', { name: /^Freeze/ }))
  await user.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'Cancel' }))
  expect((await text()).value).toContain('// and mine')
  const name = screen.getByLabelText('Name')
  await user.clear(name)
  await user.type(name, 'production')
  await user.click(screen.getByRole('button', { name: 'Add the policy' }))
  await waitFor(() => expect(name.getAttribute('aria-invalid')).toBe('true'))
  await user.clear(name)
  await user.type(name, 'ours')
  await user.click(screen.getByRole('checkbox', { name: 'It counts at once' }))
  await user.click(screen.getByRole('button', { name: 'Add the policy' }))
  const knob = await screen.findByRole('switch', { name: 'ours counts' })
  expect(knob.getAttribute('aria-checked')).toBe('false')
})

test('removing asks first', async () => {
  goTo('/policies?edit=policy_1')
  const { user, world } = renderPage(<PoliciesPage />)
  await user.click(await screen.findByRole('button', { name: 'Remove' }))
  const dialog = within(await screen.findByRole('dialog', { name: 'Remove the policy production?' }))
  dialog.getByText(/^From now on it counts no longer/)
  await user.click(dialog.getByRole('button', { name: 'Remove' }))
  await waitFor(() => expect(screen.queryByRole('switch', { name: 'production counts' })).toBeNull())
  expect(world.db.policies.has('policy_1')).toBe(false)
})

test('an administrator reads them, and cannot change them', async () => {
  goTo('/policies?edit=policy_1')
  const { user, world } = renderPage(<PoliciesPage />, as('ADMIN'))
  expect((await screen.findByRole<HTMLTextAreaElement>('textbox', { name: 'Text of production' })).readOnly).toBe(true)
  const knob = screen.getByRole('switch', { name: 'production counts' })
  expect(knob.getAttribute('aria-disabled')).toBe('true')
  await user.click(knob)
  expect(world.db.policies.get('policy_1')?.version).toBe(3)
  expect(screen.getByRole('button', { name: 'New policy' }).getAttribute('aria-disabled')).toBe('true')
  expect(screen.getByLabelText<HTMLTextAreaElement>('What NovaCron permits by itself').value).toContain('roles-viewer')
})

test('who is no administrator is told so, and nothing is asked', async () => {
  renderPage(<PoliciesPage />, as('OPERATOR'))
  await screen.findByText('Policies are for administrators to see')
  expect(screen.queryByRole('navigation', { name: 'Views of the policies' })).toBeNull()
  expect(screen.queryByRole('alert')).toBeNull()
})

test('none yet: the first is begun with an example', async () => {
  const world = as('OWNER')
  world.db.policies.clear()
  const { user } = renderPage(<PoliciesPage />, world)
  await user.click(await screen.findByRole('button', { name: 'Begin with an example' }))
  await screen.findByRole('form', { name: 'New policy' })
})

test('what somebody may do is told with what decides it, and the address keeps it', async () => {
  goTo('/policies?tab=ask')
  const world = as('OWNER')
  const vm = [...world.db.vms.values()][0]
  vm?.tags.push({ key: 'env', value: 'production' })
  const { user } = renderPage(<PoliciesPage />, world)
  await user.selectOptions(await screen.findByLabelText('Person'), 'barbara')
  await user.selectOptions(screen.getByLabelText('Permission'), 'Delete a VM (deleteVM)')
  const answer = () => screen.findByText('Because').then((each) => each.closest('[role=status]'))
  expect((await answer())?.textContent).toMatch(/^Yes ?barbara may delete a VM\..*roles-operator.*permits it/)
  await user.selectOptions(screen.getByLabelText('On'), vm?.id ?? '')
  await waitFor(async () =>
    expect((await answer())?.textContent).toMatch(/^No ?barbara may not delete a VM on .*forbids it/),
  )
  expect(screen.getByRole('link', { name: 'production' }).getAttribute('href')).toBe('/policies?edit=policy_1')
  expect(new URLSearchParams(window.location.search).get('on')).toBe(vm?.id)
})

test.each([
  ['linus', 'auditLog', 'Their account is switched off.'],
  ['barbara', 'auditLog', 'Nothing permits it: neither their role nor a policy.'],
])('why %s may not: %s', async (name, may, why) => {
  const world = as('OWNER')
  const person = [...world.db.people.values()].find((each) => each.name === name)
  goTo(`/policies?tab=ask&who=${person?.id}&may=${may}`)
  renderPage(<PoliciesPage />, world)
  await screen.findByText(why)
  screen.getByText('No')
})

test.each([
  ['Cancel', () => screen.getByRole('button', { name: 'Cancel' })],
  ['its row', () => screen.getByRole('button', { name: 'Edit production' })],
  ['a new one', () => screen.getByRole('button', { name: 'New policy' })],
])('text that is not saved is not lost to %s without being asked', async (_, way) => {
  goTo('/policies?edit=policy_1')
  const { user, world } = renderPage(<PoliciesPage />)
  await user.type(await text(), '// mine')
  const ask = () => screen.findByRole('dialog', { name: 'Leave what you have written?' })
  await user.click(way())
  await user.click(within(await ask()).getByRole('button', { name: 'Cancel' }))
  expect((await text()).value).toMatch(/\/\/ mine$/)
  await user.click(way())
  await user.click(within(await ask()).getByRole('button', { name: 'Leave it' }))
  await waitFor(() => expect(screen.queryByRole('form', { name: 'Policy production' })).toBeNull())
  expect(screen.queryByRole('dialog')).toBeNull()
  expect(world.db.policies.get('policy_1')?.text).not.toMatch(/mine/)
})

test('nothing is asked where nothing would be lost: unchanged, an example, or saved', async () => {
  goTo('/policies?edit=policy_1')
  const { user } = renderPage(<PoliciesPage />)
  await user.type(await text(), 'x{Backspace}')
  await user.click(screen.getByRole('button', { name: 'Cancel' }))
  expect(screen.queryByLabelText('Policy')).toBeNull()
  await user.click(screen.getByRole('button', { name: 'New policy' }))
  await user.click(await screen.findByRole('button', { name: /^Freeze/ }))
  await user.click(screen.getByRole('button', { name: 'Cancel' }))
  await user.click(screen.getByRole('button', { name: 'Edit production' }))
  await user.type(await text(), '// mine')
  await user.click(screen.getByRole('button', { name: 'Save' }))
  await waitFor(() => expect(screen.queryByLabelText('Policy')).toBeNull())
  expect(screen.queryByRole('dialog')).toBeNull()
})
