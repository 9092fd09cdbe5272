import { expect, stack, test } from '../dashboard.ts'

test('a stranger is led to sign in without a complaint, and on to where they were going', async ({ page }) => {
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  await page.goto('/vms?q=status%3Astopped&sort=-memory')
  await expect(page).toHaveURL(/\/sign-in/)
  await page.getByText('Sign in with a password').click()
  await page.getByLabel('Name').fill(stack.name)
  await page.getByLabel('Password').fill(stack.password())
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page).toHaveURL(/\/vms\?q=status%3Astopped&sort=-memory$/)
  await expect(page.getByRole('searchbox')).toHaveValue('status:stopped')
  expect(complaints).toEqual([])
})
