import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, made, state, test } from '../dashboard.ts'
import { connect, leave } from '../hosts.ts'

/** Breaks and mends a host, as e2e/hosts/hosts.sh can. */
function host(...words: string[]) {
  const env = { ...process.env, NOVACRON_HOSTS_DIR: process.env.NOVACRON_TEST_HOSTS }
  const { status, stderr } = spawnSync(join(import.meta.dirname, '../../hosts/hosts.sh'), words, { env })
  if (status !== 0) throw new Error(String(stderr))
}

test('VMs of a host that goes dark are shown as last known, and come back by themselves', async ({
  signedIn: page,
  api,
  vm: other,
}) => {
  test.slow()
  const place = await connect(api, 'hostb', 'TLS')
  const vm = await made(api, 'dim', true, place.image)
  await page.goto('/vms')
  const row = page.getByRole('row', { name: vm.name })
  await expect(row).toContainText('Running')
  const open = await page.context().newPage()
  await open.goto(`/vms/${vm.id}`)
  await expect(state(open, 'Running')).toBeVisible()
  // The list is there at every moment.
  await page.evaluate(() => {
    const blanks: number[] = []
    Object.assign(window, { blanks })
    new MutationObserver(() => {
      if (document.querySelectorAll('[data-row]').length < 2) blanks.push(Date.now())
    }).observe(document.body, { subtree: true, childList: true })
  })

  await test.step('it goes dark', async () => {
    host('kill9', 'hostb')
    await expect(row).toContainText(/Unknown\s*was running/)
    await expect(row).toContainText(/hostb · \d+ ?(s|m)/)
    await expect(page.getByRole('row', { name: other.name })).toContainText('Stopped')
    await expect(open.getByText(/hostb does not answer: what you see is the last known/)).toBeVisible()
  })

  await test.step('it comes back', async () => {
    host('daemon', 'hostb')
    await expect(row).toContainText('Running')
    await expect(row).not.toContainText('Unknown')
    await expect(state(open, 'Running')).toBeVisible()
    await expect(open.getByText(/does not answer/)).toHaveCount(0)
  })

  expect(await page.evaluate(() => (window as unknown as { blanks: number[] }).blanks)).toEqual([])
  await leave(api, place)
})
