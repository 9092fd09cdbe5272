import { screen, waitFor, within } from '@testing-library/react'
import { beforeEach, expect, test, vi } from 'vitest'
import { fault } from '../../../mock/db'
import { renderPage } from '../../../mock/harness'
import { goTo } from '../../../mock/navigation'
import { seed } from '../../../mock/seed'
import { World } from '../../../mock/world'
import { VMActions } from './VMActions'
import { VMPage } from './VMPage'

vi.mock('next/navigation', () => import('../../../mock/navigation'))

const page = (
  <VMActions>
    <VMPage />
  </VMActions>
)
const state = () => within(screen.getByRole('heading', { level: 1 }).parentElement as HTMLElement)

beforeEach(() => goTo('/vms/vm_002'))

test('a VM is started, and its state follows by itself', async () => {
  const { user, world } = renderPage(page)
  const vm = world.db.vms.get('vm_002')
  if (!vm) throw new Error('no such VM in the seed')
  await screen.findByRole('heading', { name: 'api-01' })
  await user.click(screen.getByRole('button', { name: 'Shut down' }))
  const dialog = await screen.findByRole('dialog', { name: 'Shut down api-01?' })
  expect(dialog.textContent).toMatch(/Disks and addresses are kept/)
  await user.click(within(dialog).getByRole('button', { name: 'Shut down' }))
  await waitFor(() => state().getByText('Stopping'))
  await waitFor(() => state().getByText('Stopped'))
  await user.click(await screen.findByRole('button', { name: 'Start' }))
  await waitFor(() => state().getByText('Running'))
  expect(vm.status).toBe('RUNNING')
})

test('what cannot be done is there, can be reached, and says why', async () => {
  goTo('/vms/vm_007')
  renderPage(page)
  const start = await screen.findByRole('button', { name: 'Start' })
  expect(start.getAttribute('aria-disabled')).toBe('true')
  expect(start.hasAttribute('disabled')).toBe(false)
  expect(screen.getByText(/kvm-03 does not answer: what you see is the last known/)).toBeTruthy()
})

test('a VM that is not there', async () => {
  goTo('/vms/vm_none')
  renderPage(page)
  await screen.findByText('There is no such VM')
})

test.each([
  ['/vms/vm_002?tab=operations', 'its lines of the audit log', '/audit?target=vm_002'],
  ['/vms/vm_none', 'Who did what with it', '/audit?target=vm_none'],
])('from %s administrators get to the audit log, and others do not', async (path, name, href) => {
  goTo(path)
  const { unmount } = renderPage(page)
  expect((await screen.findByRole('link', { name })).getAttribute('href')).toBe(href)
  unmount()
  const world = new World(seed(30), 0.02)
  for (const each of world.db.organisations) each.role = 'OPERATOR'
  renderPage(page, world)
  await screen.findByText(/^(Operations|There is no such VM)$/)
  await waitFor(() => expect(screen.queryByRole('status', { name: 'Loading' })).toBeNull())
  expect(screen.queryByRole('link', { name })).toBeNull()
})

test('a VM that could not be made says why', async () => {
  goTo('/vms/vm_none')
  const world = new World(seed(30), 0)
  const refusal = fault('EXHAUSTED', 'The pool is full.', { remedy: 'Choose another pool.' })
  world.begin({
    kind: 'CREATE_VM',
    target: { id: 'vm_none', name: 'web1' },
    work: [{ name: 'x', ms: 0 }],
    fails: refusal,
  })
  await waitFor(() => expect([...world.db.operations.values()].at(-1)?.status).toBe('FAILED'))
  renderPage(page, world)
  await screen.findByText('web1 was not made')
  within(screen.getByRole('alert')).getByText(refusal.remedy)
  expect(screen.getByRole('link', { name: 'New VM' }).getAttribute('href')).toBe('/vms/new')
})

test('what is done with it is stopped where it is told', async () => {
  const { user, world } = renderPage(page)
  const vm = world.db.vms.get('vm_002')
  if (!vm) throw new Error('no such VM in the seed')
  await screen.findByRole('heading', { name: 'api-01' })
  Object.defineProperty(world, 'sleep', { value: () => new Promise<void>(() => {}) })
  const operation = world.begin({ kind: 'CREATE_SNAPSHOT', target: vm, work: [{ name: 'Take the snapshot', ms: 0 }] })
  await user.click(await screen.findByRole('button', { name: /^Cancel: / }))
  await waitFor(() => expect(operation.cancelRequested).toBe(true))
})

test('the plan says how each change reaches the VM before it is made', async () => {
  goTo('/vms/vm_002?tab=settings')
  const { user } = renderPage(page)
  const vcpus = await screen.findByLabelText('vCPUs', {})
  await user.clear(vcpus)
  await user.type(vcpus, '3')
  const plan = screen.getByRole('region', { name: 'Plan' })
  await within(plan).findByText('Live')
  const memory = screen.getByLabelText('Memory')
  await user.clear(memory)
  await user.type(memory, '64')
  await within(plan).findByText('With the next start')
  const disk = screen.getByLabelText('Disk vda')
  await user.clear(disk)
  await user.type(disk, '1')
  await within(plan).findByText('Impossible')
  await waitFor(() => expect(screen.getByRole('button', { name: 'Apply' }).getAttribute('aria-disabled')).toBe('true'))
})

test('what waits for the next start is told at its field, and is withdrawn by asking for what runs', async () => {
  goTo('/vms/vm_002?tab=settings')
  const { user, world } = renderPage(page)
  const vm = world.db.vms.get('vm_002')
  if (!vm) throw new Error('no such VM in the seed')
  vm.pendingChanges = [{ field: 'vcpus', current: String(vm.vcpus), next: String(vm.vcpusMax + 1) }]
  world.touch(vm)
  const vcpus = await screen.findByLabelText<HTMLInputElement>('vCPUs', {})
  const withdraw = await screen.findByRole('button', { name: 'Withdraw: vCPUs' })
  expect(vcpus.getAttribute('aria-describedby')).toBe(withdraw.parentElement?.id)
  expect(withdraw.parentElement?.textContent).toContain(`With the next start: ${vm.vcpusMax + 1}.`)
  await user.click(withdraw)
  await user.click(await screen.findByRole('button', { name: 'Apply now' }))
  await waitFor(() => expect(vm.pendingChanges).toEqual([]))
  await waitFor(() => expect(screen.queryByRole('button', { name: 'Withdraw: vCPUs' })).toBeNull())
})

test('what waits for the next start is withdrawn at once where it is told', async () => {
  const { user, world } = renderPage(page)
  const vm = world.db.vms.get('vm_002')
  if (!vm) throw new Error('no such VM in the seed')
  vm.pendingChanges = [{ field: 'memoryMiB', current: String(vm.memoryMiB), next: String(vm.memoryMaxMiB * 2) }]
  world.touch(vm)
  await user.click(await screen.findByRole('button', { name: 'Withdraw' }))
  await waitFor(() => expect(vm.pendingChanges).toEqual([]))
  await waitFor(() => expect(screen.queryByText(/will come with its next start/)).toBeNull())
})

test('a size that cannot be is told at its field, and nothing is asked', async () => {
  goTo('/vms/vm_002?tab=settings')
  const { user } = renderPage(page)
  const disk = await screen.findByLabelText('Disk vda', {})
  await user.clear(disk)
  await user.type(disk, '99999999999999999999')
  expect(disk.getAttribute('aria-invalid')).toBe('true')
  await screen.findByText('At most 64 TiB.', { selector: 'p' })
  expect(screen.getByRole('button', { name: 'Apply' }).getAttribute('aria-disabled')).toBe('true')
})

test('deleting asks for the name, and for the fate of each disk', async () => {
  const { user, world } = renderPage(page)
  await user.click(await screen.findByRole('button', { name: /More actions/ }))
  await user.click(await screen.findByRole('menuitem', { name: 'Delete' }))
  const dialog = await screen.findByRole('dialog', { name: 'Delete api-01?' })
  expect(dialog.textContent).toMatch(/forced off first/)
  expect(within(dialog).getByRole('checkbox', { name: /vda/ })).toHaveProperty('checked', true)
  const remove = within(dialog).getByRole('button', { name: 'Delete' })
  expect(remove.getAttribute('aria-disabled')).toBe('true')
  await user.type(within(dialog).getByLabelText('Type api-01 to confirm'), 'api-01')
  await user.click(remove)
  await waitFor(() => expect(world.db.vms.has('vm_002')).toBe(false))
  await screen.findByText('api-01 was deleted')
  screen.getByRole('link', { name: 'All virtual machines' })
})
