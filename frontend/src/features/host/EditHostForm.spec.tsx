import { screen, waitFor } from '@testing-library/react'
import { expect, test } from 'vitest'
import { renderPage } from '../../../mock/harness'
import { EditHostForm } from './EditHostForm'

test('what is no port is refused at its field, and not tried', async () => {
  const { user } = renderPage(<EditHostForm id="prov_2" onClose={() => {}} />)
  const port = await screen.findByLabelText<HTMLInputElement>('Port')
  await user.clear(port)
  await user.type(port, 'abc')
  expect(port.getAttribute('aria-invalid')).toBe('true')
  for (const name of ['Test the connection', 'Save'])
    expect(screen.getByRole('button', { name }).getAttribute('aria-disabled')).toBe('true')
})

test('a change is tried before it is kept', async () => {
  const { user, world } = renderPage(<EditHostForm id="prov_2" onClose={() => {}} />)
  const kept = world.db.providers.get('prov_2')?.host
  const address = await screen.findByLabelText<HTMLInputElement>('Address')
  await user.clear(address)
  await user.type(address, 'down.example')
  await user.click(screen.getByRole('button', { name: 'Test the connection' }))
  await screen.findByText('Nothing answered')
  await waitFor(() => expect(address.getAttribute('aria-invalid')).toBe('true'))
  await user.clear(address)
  await user.type(address, 'kvm-09.example')
  expect(screen.queryByText('Nothing answered')).toBeNull()
  await user.click(screen.getByRole('button', { name: 'Test the connection' }))
  await screen.findByText('It can be used as it is')
  expect(world.db.providers.get('prov_2')?.host).toBe(kept)
})
