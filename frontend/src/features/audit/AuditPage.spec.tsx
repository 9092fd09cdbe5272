import { screen, waitFor, within } from '@testing-library/react'
import { beforeEach, expect, test, vi } from 'vitest'
import { renderPage } from '../../../mock/harness'
import { goTo } from '../../../mock/navigation'
import { seed } from '../../../mock/seed'
import { World } from '../../../mock/world'
import { AuditPage } from './AuditPage'

vi.mock('next/navigation', () => import('../../../mock/navigation'))
beforeEach(() => goTo('/audit'))

const lines = () => screen.findByRole('list', { name: 'Audit log' })
const count = async () => (await lines()).children.length
const query = () => new URLSearchParams(window.location.search)

test('the filters in the address are what is asked for, and what is chosen goes there', async () => {
  goTo('/audit?actor=barbara')
  const { user } = renderPage(<AuditPage />)
  expect(await count()).toBe(2)
  await user.selectOptions(screen.getByLabelText('Outcome'), 'Refused')
  await waitFor(async () => expect(await count()).toBe(1))
  expect(query().get('outcome')).toBe('denied')
  within(await lines()).getByText('Refused')
})

test('a name counts once it is known or typed to its end', async () => {
  const { user } = renderPage(<AuditPage />)
  await user.type(await screen.findByLabelText('Who'), 'bar')
  expect(query().get('actor')).toBeNull()
  await user.type(screen.getByLabelText('Who'), 'bara')
  await waitFor(async () => expect(await count()).toBe(2))
  await user.clear(screen.getByLabelText('Who'))
  expect(query().get('actor')).toBeNull()
  await user.type(screen.getByLabelText('Who'), 'someone who left{Enter}')
  await screen.findByText('No line matches')
  await user.click(screen.getByRole('button', { name: 'Clear filters' }))
  await lines()
  expect(window.location.search).toBe('')
})

test('a time is one of the usual ones or exact', async () => {
  const { user, world } = renderPage(<AuditPage />)
  const hour = world.db.audit.filter(({ at }) => Date.now() - Date.parse(at) < 3_600_000)
  await user.selectOptions(await screen.findByLabelText('When'), 'Last hour')
  await waitFor(async () => expect(await count()).toBe(hour.length))
  await user.selectOptions(screen.getByLabelText('When'), 'Any time')
  await waitFor(async () => expect(await count()).toBeGreaterThan(hour.length))
  await user.selectOptions(screen.getByLabelText('When'), 'Exactly …')
  const from = await screen.findByLabelText<HTMLInputElement>('From')
  expect(Date.parse(query().get('since') ?? '')).toBeLessThan(Date.now())
  expect(from.value).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d$/)
})

test('times that make no sense are told, and nothing is asked', async () => {
  goTo('/audit?since=yesterday')
  renderPage(<AuditPage />)
  await screen.findByText('“yesterday” is no time.')
  expect(screen.queryByRole('list', { name: 'Audit log' })).toBeNull()
})

test('older ones come with a button', async () => {
  const { user, world } = renderPage(<AuditPage />)
  expect(await count()).toBe(50)
  await user.click(screen.getByRole('button', { name: 'Older ones' }))
  await waitFor(async () => expect(await count()).toBe(100))
  await user.click(screen.getByRole('button', { name: 'Older ones' }))
  await waitFor(async () => expect(await count()).toBe(world.db.audit.length))
  expect(screen.queryByRole('button', { name: 'Older ones' })).toBeNull()
})

test('what is still there can be gone to; what is not has its name', async () => {
  const { world } = renderPage(<AuditPage />)
  const vm = [...world.db.vms.values()][2]
  const [link] = await screen.findAllByRole('link', { name: vm?.name })
  expect(link?.getAttribute('href')).toBe(`/vms/${vm?.id}`)
  expect((await screen.findAllByRole('link', { name: 'grace' }))[0]?.getAttribute('href')).toBe('/people?q=grace')
  // A change of a policy tells no name: what it is called now is told.
  expect((await screen.findByRole('link', { name: 'production' })).getAttribute('href')).toBe('/policies?edit=policy_1')
  screen.getByText('batch-17')
  expect(screen.queryByRole('link', { name: 'batch-17' })).toBeNull()
})

test('a line opens in its place, with all that is known and the ways on', async () => {
  const { user } = renderPage(<AuditPage />)
  const button = await screen.findByRole('button', { name: /^Details of: Delete .* by barbara/ })
  await user.click(button)
  expect(button.getAttribute('aria-expanded')).toBe('true')
  const item = within(button.closest('li') as HTMLElement)
  item.getByText('The policy production forbids it.')
  item.getByRole('button', { name: 'Copy request id' })
  expect(item.getByRole('link', { name: 'All by barbara' }).getAttribute('href')).toBe('/audit?actor=barbara')
  expect(query().get('open')).not.toBeNull()
  await user.click(button)
  expect(query().get('open')).toBeNull()
})

test('the lines of one thing name it, and give way to all again', async () => {
  goTo('/audit?target=vm_gone')
  const { user } = renderPage(<AuditPage />)
  await screen.findByText('the VM batch-17')
  expect(await count()).toBe(1)
  await user.click(screen.getByRole('button', { name: 'All again, not only vm_gone' }))
  await waitFor(async () => expect(await count()).toBe(50))
})

test('an id is enough, of whatever it is', async () => {
  const { user } = renderPage(<AuditPage />)
  await user.type(await screen.findByLabelText('Id of a thing or an operation'), 'op_3{Enter}')
  expect(query().get('operation')).toBe('op_3')
  await waitFor(async () => expect(await count()).toBe(2))
})

test('an empty log says so, without filters to clear', async () => {
  const world = new World(seed(3), 0.02)
  world.db.audit = []
  renderPage(<AuditPage />, world)
  await screen.findByText('Nothing has been written down yet')
  expect(screen.queryByRole('button', { name: 'Clear filters' })).toBeNull()
})

test('who is no administrator is told so, and nothing is asked', async () => {
  const world = new World(seed(3), 0.02)
  world.db.here = world.db.organisations.find(({ role }) => role === 'OPERATOR')?.tenant.id ?? ''
  renderPage(<AuditPage />, world)
  await screen.findByText('The audit log is for administrators to see')
  screen.getByText('Your role OPERATOR may not do this. Ask an administrator for the role ADMIN.')
  expect(screen.queryByRole('search')).toBeNull()
  expect(screen.queryByRole('alert')).toBeNull()
})
