import { screen, waitFor, within } from '@testing-library/react'
import { startTransition, use, useState } from 'react'
import { beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { newId } from '../../../mock/db'
import { renderPage } from '../../../mock/harness'
import { goTo } from '../../../mock/navigation'
import type { World } from '../../../mock/world'
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

test('the counts follow the changes that rows follow, though these never pause', async () => {
  const { world } = renderPage(page)
  await screen.findByRole('link', { name: 'api-01' })
  const vm = world.db.vms.get('vm_002')
  if (!vm) throw new Error('no such VM in the seed')
  vm.status = 'MIGRATING'
  const restless = setInterval(() => world.touch(vm), 100)
  await screen.findByRole('button', { name: /Migrating\s*1$/ })
  clearInterval(restless)
})

test('what a host at work cannot tell is no fault of the VM', async () => {
  const { world } = renderPage(page)
  await screen.findByRole('link', { name: 'api-01' })
  const vm = world.db.vms.get('vm_002')
  if (!vm) throw new Error('no such VM in the seed')
  let finish = () => {}
  const work = { name: 'Take the snapshot', ms: 0 }
  Object.defineProperty(world, 'sleep', { value: () => new Promise<void>((resolve) => (finish = resolve)) })
  vm.problem = 'the sizes of its disks are not known'
  world.touch(vm)
  await waitFor(() => within(row('api-01')).getByText('incomplete'))
  world.begin({ kind: 'CREATE_SNAPSHOT', target: vm, work: [work] })
  await waitFor(() => within(row('api-01')).getByText('busy'))
  expect(within(row('api-01')).queryByText('incomplete')).toBeNull()
  within(row('api-01')).getByRole('progressbar', { name: 'api-01: Waiting for its turn' })
  finish()
  await waitFor(() => within(row('api-01')).getByRole('progressbar', { name: `api-01: ${work.name}` }))
})

test('text, facets and address are one state', async () => {
  const { user } = renderPage(page)
  await user.click(await screen.findByRole('button', { name: /Stopped/ }))
  await waitFor(() => expect(window.location.search).toBe('?q=status%3Astopped'))
  expect(screen.getByRole('searchbox')).toHaveProperty('value', 'status:stopped')
  await waitFor(() => expect(screen.queryAllByText('Running', { selector: '[role=cell] *' })).toHaveLength(0))
  const box = screen.getByRole('searchbox')
  await user.clear(box)
  await waitFor(() => expect(window.location.search).toBe(''))
  await user.type(box, 'nosuchthing')
  await screen.findByText('No VM matches')
  expect(document.activeElement).toBe(box)
  await user.click(screen.getByRole('button', { name: 'Clear filters' }))
  await screen.findByRole('link', { name: 'api-01' })
  expect(window.location.search).toBe('')
})

test('a search that is refused leaves the page, and is told on it', async () => {
  const { user } = renderPage(page)
  await screen.findByRole('link', { name: 'api-01' })
  const box = screen.getByRole('searchbox')
  await user.click(box)
  await user.paste('a b c d e f g h i')
  expect((await screen.findByRole('alert')).textContent).toMatch(/at most 8 words\.Use fewer words\./)
  expect(box.isConnected).toBe(true)
  expect(screen.queryByRole('table')).toBeNull()
  await user.clear(box)
  await screen.findByRole('link', { name: 'api-01' })
  expect(screen.queryByRole('alert')).toBeNull()
})

test('a term that means nothing shows nothing, and offers nothing to act on', async () => {
  goTo('/vms?q=host%3Azzz')
  renderPage(page)
  await screen.findByText('There is no host “zzz”.')
  await screen.findByText('No VM matches')
  expect(screen.queryByRole('checkbox')).toBeNull()
})

test('the keys of the list begin at its first row, and go on after its menu', async () => {
  const { user } = renderPage(page)
  await screen.findByRole('link', { name: 'api-01' })
  const first = screen.getAllByRole('row').find((each) => each.dataset.row === '0') as HTMLElement
  const link = within(first).getByRole('link')
  await user.keyboard('j')
  await waitFor(() => expect(document.activeElement).toBe(link))
  await user.keyboard('.')
  await screen.findByRole('menu')
  await user.keyboard('{Escape}')
  await waitFor(() => expect(document.activeElement).toBe(link))
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

/** The list, and a way to it that is begun and given up, as navigation now and then does. */
function Visits() {
  const [at, setAt] = useState('list')
  return (
    <>
      <button type="button" onClick={() => setAt('elsewhere')}>
        Leave
      </button>
      <button type="button" onClick={() => startTransition(() => setAt('on the way'))}>
        Set out
      </button>
      <button type="button" onClick={() => setAt('list')}>
        Arrive
      </button>
      {at !== 'elsewhere' && page}
      {at === 'on the way' && <Never />}
    </>
  )
}

const never = new Promise<string>(() => {})
function Never() {
  return use(never)
}

test('each visit reads the list anew, though one before it was given up', async () => {
  const { user, world } = renderPage(<Visits />)
  await screen.findByRole('link', { name: 'api-01' })
  await user.click(screen.getByRole('button', { name: 'Leave' }))
  await user.click(screen.getByRole('button', { name: 'Set out' }))
  appear(world, 'came-meanwhile')
  await user.click(screen.getByRole('button', { name: 'Arrive' }))
  await screen.findByRole('link', { name: 'came-meanwhile' })
})

test('who missed something reads again, and shows what it had until then', async () => {
  const { world } = renderPage(page)
  const first = await screen.findByRole('link', { name: 'api-01' })
  appear(world, 'came-unheard')
  world.log.lose()
  await screen.findByRole('link', { name: 'came-unheard' })
  expect(first.isConnected).toBe(true)
})

test('a VM that goes while it is being made leaves the list', async () => {
  const { world } = renderPage(page)
  await screen.findByRole('link', { name: 'api-01' })
  const vm = appear(world, 'half-made', 'PROVISIONING')
  world.log.lose()
  await screen.findByRole('link', { name: 'half-made' })
  world.db.vms.delete(vm.id)
  world.log.publish({ noun: 'vm', id: vm.id, kind: 'REMOVED' })
  await waitFor(() => expect(screen.queryByRole('link', { name: 'half-made' })).toBeNull())
})

test('a host that goes silent makes its VMs unknown, and what they were is told', async () => {
  const { world } = renderPage(page)
  await screen.findByRole('link', { name: 'api-01' })
  const provider = world.db.providers.get(world.db.vms.get('vm_002')?.providerId ?? '')
  if (!provider) throw new Error('no such provider in the seed')
  const turn = (status: string) => {
    provider.status = status
    world.log.publish({ noun: 'provider', id: provider.id, kind: 'UPDATED' })
  }
  turn('UNREACHABLE')
  await waitFor(() => within(row('api-01')).getByText('Unknown'))
  within(row('api-01')).getByText('was running')
  turn('CONNECTED')
  await waitFor(() => within(row('api-01')).getByText('Running'))
})

/** A VM that comes without an event. */
function appear(world: World, name: string, status = 'STOPPED') {
  const like = world.db.vms.get('vm_002')
  if (!like) throw new Error('no such VM in the seed')
  const vm = { ...like, id: newId('vm'), name, status }
  world.db.vms.set(vm.id, vm)
  return vm
}
