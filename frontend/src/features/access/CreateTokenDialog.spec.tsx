import { screen, within } from '@testing-library/react'
import { expect, test, vi } from 'vitest'
import { ROLE_NAME, type Role } from '@/lib/roles'
import { renderPage } from '../../../mock/harness'
import { CreateTokenDialog } from './CreateTokenDialog'

test('a secret that is shown once stays until it is said to be copied', async () => {
  const close = vi.fn()
  const { user } = renderPage(<CreateTokenDialog own="ADMIN" onClose={close} />)
  await user.type(await screen.findByLabelText('What it is for'), 'backup')
  await user.click(screen.getByRole('button', { name: 'Make the token' }))
  await screen.findByRole('dialog', { name: 'The secret of backup' })
  await user.keyboard('{Escape}')
  expect(screen.queryByRole('button', { name: 'Close' })).toBeNull()
  expect(close).not.toHaveBeenCalled()
  await user.click(screen.getByRole('button', { name: 'I have copied it' }))
  expect(close).toHaveBeenCalledOnce()
})

test.each<[Role, Role[]]>([
  ['ADMIN', ['VIEWER', 'OPERATOR', 'ADMIN']],
  ['OWNER', ['VIEWER', 'OPERATOR', 'ADMIN', 'OWNER']],
])('a token of %s may do at most as much', async (own, given) => {
  renderPage(<CreateTokenDialog own={own} onClose={() => {}} />)
  const choices = await screen.findByRole('group', { name: 'What it may do' })
  expect(within(choices).getAllByRole('radio')).toHaveLength(given.length)
  for (const role of given) within(choices).getByRole('radio', { name: new RegExp(`^${ROLE_NAME[role]}`) })
})
