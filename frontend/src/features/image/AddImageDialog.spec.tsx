import { screen, waitFor, within } from '@testing-library/react'
import { expect, test, vi } from 'vitest'
import { renderPage } from '../../../mock/harness'
import { AddImageDialog } from './AddImageDialog'

vi.mock('next/navigation', () => import('../../../mock/navigation'))

test('one of the catalogue can be called otherwise', async () => {
  const done = vi.fn()
  const { user, world } = renderPage(<AddImageDialog onDone={done} onClose={() => {}} />)
  await user.type(await screen.findByLabelText('Name'), 'second-of-it')
  await user.click(screen.getByRole('button', { name: 'Bring it' }))
  await waitFor(() => expect(done).toHaveBeenCalled())
  expect([...world.db.images.values()].map((image) => image.name)).toContain('second-of-it')
})

test('an empty form says at its field what it needs, and sends nothing', async () => {
  const { user, world } = renderPage(<AddImageDialog onDone={() => {}} onClose={() => {}} />)
  const before = world.db.images.size
  const dialog = await screen.findByRole('dialog')
  await user.click(await within(dialog).findByRole('radio', { name: /Address/ }))
  await user.click(within(dialog).getByRole('button', { name: 'Bring it' }))
  const address = screen.getByLabelText('Address', { selector: '[name=url]' })
  await waitFor(() => expect(document.activeElement).toBe(address))
  expect(address.getAttribute('aria-invalid')).toBe('true')
  await user.click(within(dialog).getByRole('radio', { name: /This computer/ }))
  await user.click(within(dialog).getByRole('button', { name: 'Upload' }))
  within(dialog).getByText('Choose a file.')
  expect(world.db.images.size).toBe(before)
})
