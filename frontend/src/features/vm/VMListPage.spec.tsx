import { screen, waitFor, within } from '@testing-library/react'
import { beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { renderPage } from '../../../mock/harness'
import { goTo } from '../../../mock/navigation'
import { VMActions } from './VMActions'
import { VMListPage } from './VMListPage'

vi.mock('next/navigation', () => import('../../../mock/navigation'))

const page = (
  <VMActions>
    <VMListPage />
  </VMActions>
)
const row = (name: string) => screen.getByRole('link', { name }).closest('[role=row]') as HTMLElement

beforeAll(() => {
  // jsdom lays nothing out: the list is given a height, so that it has rows.
  vi.spyOn(Element.prototype, 'clientHeight', 'get').mockReturnValue(800)
  vi.spyOn(Element.prototype, 'clientWidth', 'get').mockReturnValue(1200)
})
beforeEach(() => goTo('/vms'))

test('rows change in their places as their VMs do', async () => {
  const { world } = renderPage(page)
  await screen.findByRole('link', { name: 'api-01' })
  within(row('api-01')).getByText('Running')
  const vm = world.db.vms.get('vm_002')
  if (!vm) throw new Error('no such VM in the seed')
  vm.status = 'STOPPED'
  world.touch(vm)
  await waitFor(() => within(row('api-01')).getByText('Stopped'))
})

test('text, facets and address are one state', async () => {
  const { user } = renderPage(page)
  await user.click(await screen.findByRole('button', { name: /Stopped/ }))
  await waitFor(() => expect(window.location.search).toBe('?q=status%3Astopped'))
  expect(screen.getByRole('searchbox')).toHaveProperty('value', 'status:stopped')
  await waitFor(() => expect(screen.queryAllByText('Running', { selector: '[role=cell] *' })).toHaveLength(0))
  await user.clear(screen.getByRole('searchbox'))
  await user.type(screen.getByRole('searchbox'), 'nosuchthing')
  await screen.findByText('No VM matches')
  await user.click(screen.getByRole('button', { name: 'Clear filters' }))
  await screen.findByRole('link', { name: 'api-01' })
  expect(window.location.search).toBe('')
})

test('a bulk action counts by state first, and does exactly that', async () => {
  const { user, world } = renderPage(page)
  await user.click(await screen.findByRole('checkbox', { name: 'Select api-01' }))
  await user.click(screen.getByRole('checkbox', { name: 'Select api-03' }))
  await user.click(
    within(screen.getByRole('region', { name: 'Selected virtual machines' })).getByRole('button', {
      name: 'Shut down',
    }),
  )
  const dialog = await screen.findByRole('dialog', { name: 'Shut down 1 VM?' })
  expect(dialog.textContent).toMatch(/Shut down 1 running/)
  expect(dialog.textContent).toMatch(/Leave 1: It does not run\./)
  await user.click(within(dialog).getByRole('button', { name: 'Shut down' }))
  await waitFor(() => expect(world.db.vms.get('vm_002')?.status).toBe('STOPPED'))
})

test('a row’s menu has the reasons of what cannot be done', async () => {
  const { user } = renderPage(page)
  await user.click(await screen.findByRole('button', { name: 'Actions for api-01' }))
  const start = await screen.findByRole('menuitem', { name: /^Start/ })
  expect(start.getAttribute('aria-disabled')).toBe('true')
  expect(start.textContent).toMatch(/It is not off/)
})

test('a VM that comes to match shows by itself; one that does not stays away', async () => {
  goTo('/vms?q=status%3Aerror')
  const { world } = renderPage(page)
  await screen.findByRole('button', { name: /Error/ })
  const [first, second] = ['vm_002', 'vm_003'].map((id) => world.db.vms.get(id))
  if (!first || !second) throw new Error('no such VMs in the seed')
  first.status = 'ERROR'
  world.touch(first)
  second.memoryMiB++
  world.touch(second)
  await screen.findByRole('link', { name: first.name })
  expect(screen.queryByRole('link', { name: second.name })).toBeNull()
})
