import { entry, expect, stack, state, tab, test } from '../dashboard.ts'

test('a VM from its making to its end, by mouse', async ({ page }) => {
  const vm = `mouse-${Date.now().toString(36)}`

  await test.step('sign in', async () => {
    await page.goto('/')
    await page.getByText('Sign in with a password').click()
    await page.getByRole('textbox', { name: 'Name' }).fill(stack.name)
    await page.getByLabel('Password').fill(stack.password())
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expect(page.getByRole('heading', { level: 1, name: 'Virtual machines' })).toBeVisible()
  })

  await test.step('create it from the tiny image', async () => {
    await page.getByRole('link', { name: 'New VM' }).first().click()
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill(vm)
    await page.getByRole('radio', { name: /^tiny-/ }).click()
    await page.getByRole('button', { name: 'Tiny' }).click()
    await page.getByRole('button', { name: 'Create VM' }).click()
    await expect(page.getByRole('heading', { level: 1, name: vm })).toBeVisible()
  })

  await test.step('it runs, and the page says so by itself', async () => {
    await expect(state(page, 'Running')).toBeVisible()
  })

  await test.step('give it a second CPU while it runs', async () => {
    await tab(page, 'Settings').click()
    const vcpus = page.getByRole('textbox', { name: 'vCPUs' })
    await vcpus.fill('2')
    await expect(page.getByRole('region', { name: 'Plan' }).getByRole('listitem')).toContainText(/1 →\s*2\s*Live/)
    await page.getByRole('button', { name: 'Apply now' }).click()
    await expect(vcpus).toHaveAccessibleDescription(/^Has 2;/)
    await expect(state(page, 'Running')).toBeVisible()
  })

  await test.step('keep it as it is, and go back to that', async () => {
    await tab(page, 'Snapshots').click()
    await page.getByRole('button', { name: 'Take a snapshot' }).click()
    const taking = page.getByRole('dialog', { name: `Take a snapshot of ${vm}` })
    await taking.getByRole('textbox', { name: 'Name' }).fill('before')
    await taking.getByRole('button', { name: 'Take the snapshot' }).click()
    const restore = page.getByRole('button', { name: 'Restore before' })
    await expect(restore).toBeEnabled()
    await restore.click()
    const asked = page.getByRole('dialog', { name: 'Restore before?' })
    await asked.getByRole('textbox', { name: 'Type before to confirm' }).fill('before')
    await asked.getByRole('button', { name: 'Restore' }).click()
    await expect(asked).toBeHidden()
    await tab(page, 'Operations').click()
    const operations = page.getByRole('list', { name: 'Operations' })
    await expect(operations.getByRole('listitem').first()).toContainText(/Done.*Restore/s)
    await expect(state(page, 'Running')).toBeVisible()
  })

  await test.step('force it off', async () => {
    await page.getByRole('button', { name: `More actions for ${vm}` }).click()
    await (await entry(page, 'Force off')).click()
    await page
      .getByRole('dialog', { name: `Force off ${vm}?` })
      .getByRole('button', { name: 'Force off' })
      .click()
    await expect(state(page, 'Stopped')).toBeVisible()
  })

  await test.step('delete it with its disk, in the list', async () => {
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Virtual machines' }).click()
    const row = page.getByRole('row', { name: vm })
    await expect(row).toContainText('Stopped')
    await row.getByRole('button', { name: `Actions for ${vm}` }).click()
    await (await entry(page, 'Delete')).click()
    const asked = page.getByRole('dialog', { name: `Delete ${vm}?` })
    await expect(asked.getByRole('checkbox', { name: /^vda/ })).toBeChecked()
    await asked.getByRole('textbox', { name: `Type ${vm} to confirm` }).fill(vm)
    await asked.getByRole('button', { name: 'Delete' }).click()
    await expect(asked).toBeHidden()
    await expect(row).toHaveCount(0)
  })
})
