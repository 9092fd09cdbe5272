import { screen, waitFor, within } from '@testing-library/react'
import { beforeEach, expect, test, vi } from 'vitest'
import { renderPage } from '../../../../mock/harness'
import { goTo, push } from '../../../../mock/navigation'
import { seed } from '../../../../mock/seed'
import { World } from '../../../../mock/world'
import { CreateVMPage } from './CreateVMPage'

vi.mock('next/navigation', () => import('../../../../mock/navigation'))
beforeEach(() => goTo('/vms/new'))

test('a VM is made from what the form proposes', async () => {
  const { user, world } = renderPage(<CreateVMPage />)
  await user.type(await screen.findByLabelText('Name'), 'fresh-01')
  await user.click(screen.getByRole('button', { name: 'Medium' }))
  await user.click(screen.getByRole('button', { name: 'Create VM' }))
  await waitFor(() => expect(push).toHaveBeenCalledWith(expect.stringMatching(/^\/vms\/vm_/)))
  const made = [...world.db.vms.values()].find((vm) => vm.name === 'fresh-01')
  expect(made).toMatchObject({ vcpus: 2, memoryMiB: 4096, providerId: 'prov_1' })
})

test('the form of a VM that was not made comes back as it was', async () => {
  const { user, unmount } = renderPage(<CreateVMPage />)
  await user.type(await screen.findByLabelText('Name'), 'twice-01')
  await user.type(screen.getByLabelText('Up to how many CPUs'), '7')
  await user.click(screen.getByRole('button', { name: 'Create VM' }))
  await waitFor(() => expect(push).toHaveBeenCalledWith(expect.stringMatching(/^\/vms\/vm_/)))
  const [, vm] = /([^/]+)$/.exec(push.mock.lastCall?.[0] ?? '') ?? []
  unmount()
  goTo(`/vms/new?like=${vm}`)
  renderPage(<CreateVMPage />)
  expect(await screen.findByLabelText('Name')).toHaveProperty('value', 'twice-01')
  expect(screen.getByLabelText('Up to how many CPUs')).toHaveProperty('value', '7')
})

test('a refusal keeps what was typed and goes to the field that it names', async () => {
  const { user } = renderPage(<CreateVMPage />)
  const name = await screen.findByLabelText('Name')
  await user.type(name, 'api-01')
  await user.type(screen.getByLabelText('Description'), 'kept')
  await user.click(screen.getByRole('button', { name: 'Create VM' }))
  await waitFor(() => expect(name.getAttribute('aria-invalid')).toBe('true'))
  expect(document.activeElement).toBe(name)
  expect(screen.getByText(/has a VM api-01 already\. Choose another name\./)).toBeTruthy()
  expect(screen.getByLabelText('Description')).toHaveProperty('value', 'kept')
})

test('what the browser can tell to be wrong is not sent', async () => {
  const { user, world } = renderPage(<CreateVMPage />)
  const before = world.db.vms.size
  await user.click(await screen.findByRole('button', { name: 'Create VM' }))
  await screen.findByText('It needs a name.')
  expect(world.db.vms.size).toBe(before)
})

test('a disk can be a volume that the chosen pool has', async () => {
  const { user, world } = renderPage(<CreateVMPage />)
  await user.type(await screen.findByLabelText('Name'), 'with-volume')
  await user.click(screen.getByRole('button', { name: 'Add a disk' }))
  await user.selectOptions(screen.getByLabelText('What'), 'Existing volume')
  const field = await waitFor(() => {
    const shown = screen.getByRole<HTMLSelectElement>('combobox', { name: 'Volume' })
    expect(shown.disabled).toBe(false)
    return shown
  })
  const offered = [...field.options].map((option) => option.value)
  const pool = screen.getAllByLabelText<HTMLSelectElement>('Pool').at(-1)?.value
  const there = world.db.volumes.filter((volume) => volume.providerId === 'prov_1' && volume.pool === pool)
  expect(offered.length).toBeGreaterThan(0)
  expect(there.map((volume) => volume.name)).toEqual(expect.arrayContaining(offered))
  await user.selectOptions(field, offered.at(-1) ?? '')
  await user.click(screen.getByRole('button', { name: 'Create VM' }))
  await waitFor(() => expect(push).toHaveBeenCalledWith(expect.stringMatching(/^\/vms\/vm_/)))
})

test('the image that came last is proposed, an ISO never', async () => {
  const { world } = renderPage(<CreateVMPage />)
  await screen.findByLabelText('Name')
  const [last] = [...world.db.images.values()]
    .filter((image) => image.providerId === 'prov_1' && image.status === 'READY' && image.format !== 'iso')
    .sort((a, b) => (a.createdAt > b.createdAt ? -1 : 1))
  expect(screen.getByRole('radio', { name: new RegExp(`^${last?.name}`) })).toHaveProperty('checked', true)
})

test('what would be more than the quota says so at its field, and is not sent', async () => {
  const { user, world } = renderPage(<CreateVMPage />)
  const before = world.db.vms.size
  await user.type(await screen.findByLabelText('Name'), 'too-large')
  const vcpus = screen.getByLabelText('vCPUs')
  expect(vcpus.getAttribute('aria-invalid')).toBeNull()
  await user.clear(vcpus)
  await user.type(vcpus, '255')
  screen.getByText(/^Your organisation’s quota leaves \d+\.$/)
  within(screen.getByRole('region', { name: 'Quota' })).getByText(/too much$/)
  await user.click(screen.getByRole('button', { name: 'Create VM' }))
  await waitFor(() => expect(document.activeElement).toBe(vcpus))
  expect(world.db.vms.size).toBe(before)
})

test('once there is room, it is known with the next try', async () => {
  const { user, world } = renderPage(<CreateVMPage />)
  const [house] = world.db.houses
  await user.type(await screen.findByLabelText('Name'), 'fits-now')
  await user.clear(screen.getByLabelText('vCPUs'))
  await user.type(screen.getByLabelText('vCPUs'), '200')
  await screen.findByText(/quota leaves/)
  if (house) house.limits.VCPUS = 1000
  await user.click(screen.getByRole('button', { name: 'Create VM' }))
  await waitFor(() => expect(screen.queryByText(/quota leaves/)).toBeNull())
  await user.click(screen.getByRole('button', { name: 'Create VM' }))
  await waitFor(() => expect([...world.db.vms.values()].some(({ name }) => name === 'fits-now')).toBe(true))
})

test.each([
  ['VCPUS', 'vCPUs', /may have 1 vCPUs/],
  ['MEMORY_MIB', 'Memory', /may have 1 MiB of memory/],
  ['DISK_MIB', 'Disk size', /may have 1 MiB of disks/],
] as const)('what somebody else has taken meanwhile (%s) is told at %s', async (counted, label, told) => {
  const { user, world } = renderPage(<CreateVMPage />)
  const [house] = world.db.houses
  await user.type(await screen.findByLabelText('Name'), 'too-late')
  if (house) house.limits[counted] = 1
  await user.click(screen.getByRole('button', { name: 'Create VM' }))
  const field = screen.getByLabelText(label)
  await waitFor(() => expect(document.activeElement).toBe(field))
  expect(field.getAttribute('aria-invalid')).toBe('true')
  expect(told.test(document.body.textContent ?? '')).toBe(true)
})

test('where there is no limit, nothing is told of a quota', async () => {
  const world = new World(seed(3), 0.02)
  for (const house of world.db.houses) house.limits = {}
  renderPage(<CreateVMPage />, world)
  await screen.findByLabelText('Name')
  expect(screen.queryByRole('region', { name: 'Quota' })).toBeNull()
})
