import { starters } from '../../../frontend/src/features/policy/starters.ts'
import { axe, expect, tabTo, test } from '../dashboard.ts'

test('every example is a policy', async ({ api }) => {
  const { providers } = await api.ask('{ providers { id name } }')
  for (const { name, text } of starters(providers)) {
    const { addPolicy } = await api.ask(
      'mutation($input: AddPolicyInput!) { addPolicy(input: $input) { policy { id } } }',
      { input: { name: `${name}-${Date.now().toString(36)}`, text, enabled: false } },
    )
    await api.ask('mutation($id: ID!) { removePolicy(input: { id: $id }) { id } }', { id: addPolicy.policy.id })
  }
})

test('a policy is written, asked about, removed and found in the audit log, by keyboard alone', async ({
  signedIn: page,
  vm,
}) => {
  test.slow()
  const name = `keep-${Date.now().toString(36)}`
  const { keyboard } = page

  await test.step('write it; what is wrong is told at its line', async () => {
    await page.goto('/policies')
    await tabTo(page, page.getByRole('button', { name: 'New policy' }))
    await keyboard.press('Enter')
    await tabTo(page, page.getByRole('button', { name: /^Consoles for administrators/ }))
    await keyboard.press('Enter')
    await tabTo(page, page.getByRole('textbox', { name: 'Name' }))
    await keyboard.press('Control+a')
    await keyboard.type(name)
    const text = page.getByRole('textbox', { name: 'Policy', exact: true })
    await tabTo(page, text)
    await keyboard.press('Control+a')
    await keyboard.type('forbid (principal,\n  action = Action::"deleteVM", resource == x);')
    await tabTo(page, page.getByRole('button', { name: 'Add the policy' }))
    await keyboard.press('Enter')
    await expect(page.getByText(/^Line 2: at “Action”/)).toBeVisible()
    await expect(text).toBeFocused()
    await axe(page, 'a policy with a fault')
    await keyboard.press('Control+a')
    await keyboard.type(
      `forbid (principal, action == Action::"deleteVM", resource is VM) when { resource.name == "${vm.name}" };`,
    )
    await tabTo(page, page.getByRole('button', { name: 'Add the policy' }))
    await keyboard.press('Enter')
    await expect(page.getByRole('switch', { name: `${name} counts` })).toBeChecked()
    await axe(page, 'policies')
  })

  await test.step('ask what it does', async () => {
    await tabTo(page, page.getByRole('link', { name: 'Who may what' }))
    await keyboard.press('Enter')
    await page.getByLabel('Person', { exact: true }).selectOption('admin')
    await page.getByLabel('Permission').selectOption('deleteVM')
    await expect(page.getByText('admin may delete a VM.')).toBeVisible()
    await page.getByLabel('On', { exact: true }).selectOption({ label: `${vm.name} on hosta` })
    await expect(page.getByText('may not delete a VM')).toBeVisible()
    await axe(page, 'who may what')
    await tabTo(page, page.getByRole('link', { name, exact: true }))
    await keyboard.press('Enter')
  })

  await test.step('remove it', async () => {
    await tabTo(page, page.getByRole('button', { name: 'Remove' }))
    await keyboard.press('Enter')
    const asked = page.getByRole('dialog', { name: `Remove the policy ${name}?` })
    await expect(asked.getByRole('button', { name: 'Cancel' })).toBeFocused()
    await tabTo(page, asked.getByRole('button', { name: 'Remove' }))
    await keyboard.press('Enter')
    await expect(page.getByRole('switch', { name: `${name} counts` })).toHaveCount(0)
  })

  await test.step('find who did it', async () => {
    await page.goto('/audit?action=addPolicy&since=1h')
    const line = page.getByRole('button', { name: new RegExp(`^Details of: Add the policy ${name}, by admin`) })
    await tabTo(page, line)
    await keyboard.press('Enter')
    await expect(line).toHaveAttribute('aria-expanded', 'true')
    await expect(page.getByText(`resource.name == "${vm.name}"`)).toBeVisible()
    await axe(page, 'the audit log')
    await tabTo(page, page.getByRole('link', { name: 'All about it' }))
    await keyboard.press('Enter')
    await expect(page.getByText(`the policy ${name}`)).toBeVisible()
    await expect(page.getByRole('list', { name: 'Audit log' }).getByRole('listitem')).toHaveCount(2)
  })

  await test.step('and from a VM to its lines', async () => {
    await page.goto(`/vms/${vm.id}?tab=operations`)
    await tabTo(page, page.getByRole('link', { name: 'its lines of the audit log' }))
    await keyboard.press('Enter')
    await expect(page.getByText(`the VM ${vm.name}`)).toBeVisible()
    await expect(
      page.getByRole('button', { name: new RegExp(`^Details of: Create ${vm.name}, by admin`) }),
    ).toBeVisible()
  })
})
