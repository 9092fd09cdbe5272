import type { Page } from '@playwright/test'
import { axe, expect, made, test } from '../dashboard.ts'
import { connect, leave } from '../hosts.ts'

/** How many colours the screen shows; 1 is a blank one. */
const colours = (page: Page) =>
  page
    .getByRole('region', { name: /^Screen of / })
    .locator('canvas')
    .evaluate((canvas: HTMLCanvasElement) => {
      const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? []
      const seen = new Set<number>()
      for (let i = 0; i < pixels.length; i += 4)
        seen.add(((pixels[i] ?? 0) << 16) | ((pixels[i + 1] ?? 0) << 8) | (pixels[i + 2] ?? 0))
      return seen.size
    })

const connected = (page: Page) => expect(page.getByRole('status').getByText('Connected')).toBeVisible()

test('the screen and the serial line of a VM, through its restart', async ({ signedIn: page, api }) => {
  test.slow() // it boots twice
  // A screen is carried by SSH, not by libvirt's TLS connection.
  const place = await connect(api, 'hostb', 'SSH')
  const vm = await made(api, 'lively', true, place.image)
  await test.step('the screen shows what the guest draws', async () => {
    await page.goto(`/vms/${vm.id}?tab=console`)
    await connected(page)
    await expect.poll(() => colours(page), { timeout: 90_000 }).toBeGreaterThan(1)
    await axe(page, 'the screen')
  })

  await test.step('keys are the guest’s, but for the chord that leaves', async () => {
    const type = page.getByRole('button', { name: 'Type into the screen' })
    await type.click()
    await expect(type).not.toBeFocused()
    await page.keyboard.press('Tab')
    await expect(page.getByRole('region', { name: /^Screen of / }).locator('canvas')).toBeFocused()
    await page.keyboard.press('Control+]')
    await expect(type).toBeFocused()
  })

  await test.step('it can be as large as the display', async () => {
    await page.getByRole('button', { name: 'Full screen' }).click()
    await expect
      .poll(() => page.evaluate(() => document.fullscreenElement?.getAttribute('aria-label')))
      .toBe(`Screen of ${vm.name}`)
    await page.evaluate(() => document.exitFullscreen())
  })

  await test.step('the serial line answers a command', async () => {
    await page.getByRole('button', { name: 'Serial line' }).click()
    await connected(page)
    const line = page.getByRole('region', { name: /^Serial line of / })
    await page.getByRole('button', { name: 'Type into the line' }).click()
    // The shell comes once the guest has booted.
    await expect(async () => {
      await page.keyboard.press('Enter')
      await page.keyboard.type('echo $((6 * 7))-$(uname -s)')
      await page.keyboard.press('Enter')
      await expect(line).toContainText('42-Linux', { timeout: 5_000 })
    }).toPass({ timeout: 120_000 })
    await axe(page, 'the serial line')
    await page.keyboard.press('Control+]')
    await expect(page.getByRole('button', { name: 'Type into the line' })).toBeFocused()
  })

  await test.step('a second session is told why it does not open, and can take the line over', async () => {
    const second = await page.context().newPage()
    await second.goto(`/vms/${vm.id}?tab=console&console=serial`)
    await expect(second.getByText(/^Somebody else has this console open\. Close it there, or take it over/)).toBeVisible()
    await second.getByRole('button', { name: 'Take it over' }).click()
    await connected(second)
    await expect(page.getByRole('button', { name: 'Take it over' })).toBeVisible() // the first tries again by itself
    await second.close()
  })

  await test.step('it comes back when the VM does', async () => {
    await page.getByRole('button', { name: 'Screen', exact: true }).click()
    await connected(page)
    await api.done('mutation($input: PowerOffVMInput!) { done: powerOffVM(input: $input) { operation { id } } }', {
      input: { id: vm.id },
    })
    await expect(page.getByText('No console now')).toBeVisible()
    await axe(page, 'no console')
    await page.getByRole('button', { name: `Start ${vm.name}` }).click()
    await connected(page)
    await expect.poll(() => colours(page), { timeout: 90_000 }).toBeGreaterThan(1)
  })
  await leave(api, place)
})
