import { screen } from '@testing-library/react'
import { expect, test, vi } from 'vitest'
import { renderPage } from '../../../mock/harness'
import { CreateTokenDialog } from './CreateTokenDialog'
import type { Role } from './roles'

const own: Role = 'ADMIN'

test('a secret that is shown once stays until it is said to be copied', async () => {
  const close = vi.fn()
  const { user } = renderPage(<CreateTokenDialog role={own} onClose={close} />)
  await user.type(await screen.findByLabelText('What it is for'), 'backup')
  await user.click(screen.getByRole('button', { name: 'Make the token' }))
  await screen.findByRole('dialog', { name: 'The secret of backup' })
  await user.keyboard('{Escape}')
  expect(screen.queryByRole('button', { name: 'Close' })).toBeNull()
  expect(close).not.toHaveBeenCalled()
  await user.click(screen.getByRole('button', { name: 'I have copied it' }))
  expect(close).toHaveBeenCalledOnce()
})
