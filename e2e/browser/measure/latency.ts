import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Page } from '@playwright/test'
import { made, test } from '../dashboard.ts'

const CHANGES = 60
const BETWEEN = 700
/** What virsh does, and what the row says of it. */
const TURNS = [
  { verb: 'suspend', word: 'Paused' },
  { verb: 'resume', word: 'Running' },
] as const

/** From a change at the host, made behind NovaCron's back, to the row that shows it. */
test('latency', async ({ signedIn: page, api }) => {
  const vm = await made(api, 'measured', true)
  const virsh = shell()
  await page.goto('/vms')
  const row = page.getByRole('row', { name: vm.name })
  await row.getByText('Running').waitFor()
  await watch(page, vm.name)
  const fromAsking: number[] = []
  const fromAnswer: number[] = []
  for (let change = 0; change < CHANGES; change++) {
    const { verb, word } = TURNS[change % TURNS.length] ?? TURNS[0]
    const shown = page.evaluate((expected) => (window as unknown as Watched).turned(expected), word)
    const asked = Date.now()
    const answered = await virsh.say(`${verb} ${vm.name}`)
    const at = await shown
    fromAsking.push(at - asked)
    fromAnswer.push(Math.max(0, at - answered))
    await page.waitForTimeout(BETWEEN * (0.5 + Math.random()))
  }
  virsh.end()
  console.log(`${CHANGES} changes by virsh, until the row has changed in the page:`)
  console.log(`  from the command's start  ${summary(fromAsking)}`)
  console.log(`  from its answer           ${summary(fromAnswer)}`)
})

type Watched = { turned: (word: string) => Promise<number> }

/** Has the page tell when its row changes to a word, by the clock that this program has too. */
async function watch(page: Page, name: string) {
  await page.evaluate((vm) => {
    const word = () => {
      const link = [...document.querySelectorAll('[role=row] a')].find(({ textContent }) => textContent === vm)
      return link?.closest('[role=row]')?.querySelectorAll('[role=cell]')[2]?.textContent ?? ''
    }
    const turned = (expected: string) =>
      new Promise<number>((resolve) => {
        const look = () => {
          if (!word().includes(expected)) return
          observer.disconnect()
          resolve(Date.now())
        }
        const observer = new MutationObserver(look)
        observer.observe(document.body, { subtree: true, childList: true, characterData: true })
        look()
      })
    Object.assign(window, { turned })
  }, name)
}

/** One virsh for all commands: starting a program takes longer than what is measured. */
function shell() {
  const hosts = join(import.meta.dirname, '../../hosts/hosts.sh')
  const env = { ...process.env, NOVACRON_HOSTS_DIR: process.env.NOVACRON_TEST_HOSTS }
  const child = spawn(hosts, ['exec', 'hosta', 'virsh'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  /** Gives when it had been done. */
  const say = (command: string) =>
    new Promise<number>((resolve) => {
      const hear = (line: string) => {
        if (!/^Domain .* (suspended|resumed)$/.test(line)) return
        lines.off('line', hear)
        resolve(Date.now())
      }
      lines.on('line', hear)
      child.stdin.write(`${command}\n`)
    })
  return { say, end: () => child.stdin.end('quit\n') }
}

function summary(all: number[]): string {
  const sorted = [...all].sort((a, b) => a - b)
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)]
  return `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, longest ${sorted.at(-1)} ms`
}
