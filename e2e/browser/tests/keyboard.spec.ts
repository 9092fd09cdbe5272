import { entry, expect, stack, state, tabTo, test } from '../dashboard.ts'

test('a VM is made, stopped and deleted by keyboard alone', async ({ page }) => {
  const vm = `keys-${Date.now().toString(36)}`
  const { keyboard } = page

  await test.step('sign in', async () => {
    await page.goto('/')
    await tabTo(page, page.locator('summary'))
    await keyboard.press('Enter')
    await tabTo(page, page.getByRole('textbox', { name: 'Name' }))
    await keyboard.type(stack.name)
    await keyboard.press('Tab')
    await keyboard.type(stack.password())
    await keyboard.press('Enter')
    await expect(page.getByRole('heading', { level: 1, name: 'Virtual machines' })).toBeVisible()
  })

  await test.step('create it', async () => {
    await tabTo(page, page.getByRole('link', { name: 'New VM' }).first())
    await keyboard.press('Enter')
    await tabTo(page, page.getByRole('textbox', { name: 'Name', exact: true }))
    await keyboard.type(vm)
    await tabTo(page, page.getByRole('radio', { name: /^tiny-/ }))
    await keyboard.press('ArrowDown')
    await expect(page.getByRole('radio', { name: /^No image/ })).toBeChecked()
    await keyboard.press('ArrowUp')
    await expect(page.getByRole('radio', { name: /^tiny-/ })).toBeChecked()
    await tabTo(page, page.getByRole('button', { name: 'Tiny' }))
    await keyboard.press('Space')
    await expect(page.getByRole('button', { name: 'Tiny' })).toHaveAttribute('aria-pressed', 'true')
    await tabTo(page, page.getByRole('button', { name: 'Create VM' }))
    await keyboard.press('Enter')
    await expect(page.getByRole('heading', { level: 1, name: vm })).toBeVisible()
    await expect(state(page, 'Running')).toBeVisible()
  })

  const choose = async (name: string) => {
    await tabTo(page, page.getByRole('button', { name: `More actions for ${vm}` }))
    await keyboard.press('Enter')
    const item = await entry(page, name)
    for (let steps = 0; steps < 20; steps++) {
      if (await item.evaluate((element) => element === document.activeElement)) break
      await keyboard.press('ArrowDown')
    }
    await expect(item).toBeFocused()
    await keyboard.press('Enter')
  }

  await test.step('force it off', async () => {
    await choose('Force off')
    const asked = page.getByRole('dialog', { name: `Force off ${vm}?` })
    await expect(asked.getByRole('button', { name: 'Cancel' })).toBeFocused()
    await tabTo(page, asked.getByRole('button', { name: 'Force off' }))
    await keyboard.press('Space')
    await expect(state(page, 'Stopped')).toBeVisible()
  })

  await test.step('delete it with its disk', async () => {
    await choose('Delete')
    const asked = page.getByRole('dialog', { name: `Delete ${vm}?` })
    await tabTo(page, asked.getByRole('textbox', { name: `Type ${vm} to confirm` }))
    await keyboard.type(vm)
    await keyboard.press('Enter')
    await expect(asked).toBeHidden()
    await tabTo(page, page.getByRole('link', { name: 'All virtual machines' }))
    await keyboard.press('Enter')
    await expect(page.getByRole('heading', { level: 1, name: 'Virtual machines' })).toBeVisible()
    await expect(page.getByRole('row', { name: vm })).toHaveCount(0)
  })
})
