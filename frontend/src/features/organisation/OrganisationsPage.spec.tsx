import { screen, waitFor, within } from '@testing-library/react'
import { beforeEach, expect, test, vi } from 'vitest'
import { beginAnew } from '@/relay/session'
import { renderPage } from '../../../mock/harness'
import { seed } from '../../../mock/seed'
import { World } from '../../../mock/world'
import { OrganisationsPage } from './OrganisationsPage'

vi.mock('@/relay/session', async (original) => ({
  ...(await original<typeof import('@/relay/session')>()),
  beginAnew: vi.fn(),
}))
beforeEach(() => void vi.clearAllMocks())

const bars = async (name: string) => within(await screen.findByRole('list', { name: `Quota of ${name}` }))

test('each organisation has a bar where it has a limit, and words where not', async () => {
  renderPage(<OrganisationsPage />)
  const lab = await bars('Lab')
  expect(lab.getByRole('meter', { name: 'VMs: 19 of 20' }).getAttribute('aria-valuenow')).toBe('95')
  lab.getByRole('meter', { name: 'vCPUs: 44 of 40' })
  lab.getByText('96 GiB, no limit')
  expect(lab.getAllByRole('meter')).toHaveLength(3)
  expect((await bars('Northwind Traders')).queryByRole('meter')).toBeNull()
})

test('limits are changed; those that were left alone are not sent, and an emptied one is none', async () => {
  const { user, world } = renderPage(<OrganisationsPage />)
  await user.click(await screen.findByRole('button', { name: 'Change the limits of Lab' }))
  const dialog = within(await screen.findByRole('dialog', { name: 'What Lab may have' }))
  await user.clear(dialog.getByLabelText('Snapshots'))
  await user.type(dialog.getByLabelText('Memory'), 'much')
  await user.click(dialog.getByRole('button', { name: 'Change the limits' }))
  const memory = dialog.getByLabelText('Memory')
  await waitFor(() => expect(document.activeElement).toBe(memory))
  expect(memory.getAttribute('aria-invalid')).toBe('true')
  const lab = world.db.houses.find(({ tenant }) => tenant.name === 'Lab')
  expect(lab?.limits.SNAPSHOTS).toBe(50)
  // Somebody else changes another one meanwhile.
  if (lab) lab.limits.VMS = 30
  await user.clear(memory)
  await user.type(memory, '1 TiB')
  await user.click(dialog.getByRole('button', { name: 'Change the limits' }))
  await waitFor(() => expect(lab?.limits).toEqual({ VMS: 30, VCPUS: 40, MEMORY_MIB: 1024 ** 2 }))
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
  ;(await bars('Lab')).getByText('96 GiB of 1 TiB')
  ;(await bars('Lab')).getByText('12, no limit')
})

test('a limit below what there is says what it means', async () => {
  const { user } = renderPage(<OrganisationsPage />)
  await user.click(await screen.findByRole('button', { name: 'Change the limits of Lab' }))
  const field = await screen.findByLabelText('VMs')
  await user.clear(field)
  await user.type(field, '18')
  screen.getByText(/^Lab has more already of: VMs\. It keeps what it has/)
})

test('an organisation is made, and is a step away', async () => {
  const { user, world } = renderPage(<OrganisationsPage />)
  await user.click(await screen.findByRole('button', { name: 'Add an organisation' }))
  const name = await screen.findByLabelText('Name')
  await user.type(name, 'Lab')
  await user.click(screen.getByRole('button', { name: 'Add the organisation' }))
  await waitFor(() => expect(document.activeElement).toBe(name))
  expect(name.getAttribute('aria-invalid')).toBe('true')
  await user.clear(name)
  await user.type(name, 'Fabrikam')
  await user.click(screen.getByRole('button', { name: 'Add the organisation' }))
  await screen.findByRole('dialog', { name: 'Fabrikam is there' })
  await screen.findByRole('list', { name: 'Quota of Fabrikam', hidden: true })
  await user.click(screen.getByRole('button', { name: 'Go to Fabrikam' }))
  await waitFor(() => expect(beginAnew).toHaveBeenCalledExactlyOnceWith('/'))
  expect(world.db.organisations.find(({ tenant }) => tenant.id === world.db.here)?.tenant.name).toBe('Fabrikam')
})

test('only those in which one has a role can be gone over to', async () => {
  renderPage(<OrganisationsPage />)
  await bars('Contoso')
  const names = screen.getAllByRole('button', { name: /^Switch to/ }).map((button) => button.getAttribute('aria-label'))
  expect(names).toEqual(['Switch to Lab', 'Switch to Northwind Traders'])
})

test('who does not look after the installation is told so, and nothing is asked', async () => {
  const world = new World(seed(3), 0.02)
  world.db.platformAdmin = false
  renderPage(<OrganisationsPage />, world)
  await screen.findByText(/^All organisations are for those to see/)
  expect(screen.getByRole('button', { name: 'Add an organisation' }).getAttribute('aria-disabled')).toBe('true')
  expect(screen.queryByRole('list')).toBeNull()
  expect(screen.queryByRole('alert')).toBeNull()
})
