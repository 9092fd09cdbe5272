import { screen, waitFor, within } from '@testing-library/react'
import { beforeEach, expect, test, vi } from 'vitest'
import { renderPage } from '../../../mock/harness'
import { goTo } from '../../../mock/navigation'
import { OperationWatcher } from '../shell/OperationWatcher'
import { ImageListPage } from './ImageListPage'

vi.mock('next/navigation', () => import('../../../mock/navigation'))
beforeEach(() => goTo('/images'))

test('what could not be brought is removed at once, and nothing else', async () => {
  const { user, world } = renderPage(
    <>
      <OperationWatcher />
      <ImageListPage />
    </>,
  )
  const before = [...world.db.images.values()]
  const failed = before.filter((image) => image.status === 'FAILED')
  await user.click(await screen.findByRole('button', { name: 'Remove failed' }))
  const dialog = await screen.findByRole('dialog', { name: /Remove \d+ failed images? from the list\?/ })
  for (const { name } of failed) within(dialog).getByText(name)
  await user.click(within(dialog).getByRole('button', { name: 'Remove' }))
  await waitFor(() => expect(world.db.images.size).toBe(before.length - failed.length))
  expect([...world.db.images.values()].filter((image) => image.status === 'FAILED')).toEqual([])
  await waitFor(() => expect(screen.queryByRole('button', { name: 'Remove failed' })).toBeNull())
})

test('a volume that was never made is not offered to be deleted', async () => {
  const { user, world } = renderPage(<ImageListPage />)
  const [ready, failed] = ['READY', 'FAILED'].map((status) =>
    [...world.db.images.values()].find((image) => image.status === status),
  )
  await user.click(await screen.findByRole('button', { name: `Remove ${failed?.name}` }))
  const removal = await screen.findByRole('dialog')
  expect(within(removal).queryByRole('checkbox')).toBeNull()
  await user.click(within(removal).getByRole('button', { name: 'Cancel' }))
  await user.click(screen.getAllByRole('button', { name: `Delete ${ready?.name}` })[0] as HTMLElement)
  within(await screen.findByRole('dialog')).getByRole('checkbox', { name: /volume/ })
})
