import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { API } from './api.ts'
import { connect, sweep } from './hosts.ts'
import { proxy } from './proxy.ts'

/** What a test wants of the environment; scripts/test sets it. */
function given(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: see scripts/test`)
  return value
}

/**
 * Starts what a user meets, with a database of its own: the API's program, the built dashboard, one origin in front of
 * both, a host over TLS and an image on it. The function that it gives takes all of it away again.
 */
// biome-ignore lint/style/noDefaultExport: Playwright looks for it
export default async function setUp() {
  const folder = mkdtempSync(join(tmpdir(), 'novacron-browser-'))
  const undo: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
  const tearDown = async () => {
    for (const step of undo.splice(0).reverse()) {
      try {
        await step()
      } catch (cause) {
        console.error(String(cause))
      }
    }
  }
  try {
    await start(folder, undo)
  } catch (cause) {
    for (const name of ['idp', 'api', 'dashboard']) console.error(`${name} said:\n${tail(join(folder, `${name}.log`))}`)
    await tearDown()
    throw cause
  }
  return tearDown
}

async function start(folder: string, undo: (() => unknown)[]) {
  const binary = given('NOVACRON_TEST_BINARY')
  const server = given('NOVACRON_TEST_DASHBOARD')
  const [apiPort, dashboardPort, idpPort] = [await freePort(), await freePort(), await freePort()]
  const front = proxy(apiPort, dashboardPort)
  const port = await listen(front)
  undo.push(() => {
    front.closeAllConnections()
    front.close()
  })
  const origin = `http://127.0.0.1:${port}`

  const issuer = `http://localhost:${idpPort}`
  const plain = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NOVACRON_')))
  const env = {
    ...plain,
    NOVACRON_DATABASE_URL: await database(given('NOVACRON_TEST_DATABASE_URL'), undo),
    NOVACRON_REDIS_URL: given('NOVACRON_TEST_REDIS_URL'),
    NOVACRON_LISTEN: `127.0.0.1:${apiPort}`,
    NOVACRON_PUBLIC_URL: origin,
    NOVACRON_SECRETS_KEY_FILE: join(folder, 'secrets.json'),
    NOVACRON_LOCAL_LIBVIRT: 'off',
    NOVACRON_TINY_IMAGE: given('NOVACRON_TEST_IMAGE'),
    NOVACRON_FAKE_VMS: '3',
    NOVACRON_OIDC_ISSUER: issuer,
    NOVACRON_OIDC_NAME: 'Company',
    NOVACRON_OIDC_CLIENT_ID: 'novacron',
    NOVACRON_OIDC_RULES: JSON.stringify(RULES),
  }
  run(binary, ['migrate'], env)
  const password = /^Password: +(\S+)/m.exec(run(binary, ['bootstrap'], env))?.[1]
  if (!password) throw new Error('bootstrap tells no password')
  const token = run(binary, ['token', 'create', '--role', 'owner'], env).trim()
  const addresses = {
    listen: `127.0.0.1:${idpPort}`,
    issuer,
    'redirect-uri': `${origin}/auth/callback`,
    'back-channel-uri': `http://127.0.0.1:${apiPort}/auth/back-channel-logout`,
  }
  const flags = Object.entries(addresses).map(([name, value]) => `--${name}=${value}`)
  serve('idp', given('NOVACRON_TEST_IDP'), flags, plain, folder, undo)
  await answers(`${issuer}/healthz`)
  serve('api', binary, ['serve'], env, folder, undo)
  serve(
    'dashboard',
    process.execPath,
    [server],
    { ...plain, PORT: String(dashboardPort), HOSTNAME: '127.0.0.1' },
    folder,
    undo,
    dirname(server),
  )
  await answers(`${origin}/readyz`)
  await answers(`${origin}/sign-in`)

  const api = new API(origin, token)
  const { host, image } = await connect(api, 'hosta', 'TLS')
  undo.push(() => sweep(api))
  Object.assign(process.env, {
    NOVACRON_BROWSER_ORIGIN: origin,
    NOVACRON_BROWSER_PASSWORD: password,
    NOVACRON_BROWSER_TOKEN: token,
    NOVACRON_BROWSER_HOST: host,
    NOVACRON_BROWSER_IMAGE: image,
  })
}

/** Who becomes what: four people of two organisations, whom the issuer knows. */
const RULES = [
  ['acme-admins', 'Acme', 'ADMIN'],
  ['acme-operators', 'Acme', 'OPERATOR'],
  ['globex-admins', 'Globex', 'ADMIN'],
  ['globex-viewers', 'Globex', 'VIEWER'],
].map(([value, organisation, role]) => ({ claim: 'groups', value, organisation, role }))

/** A new database at the server that is given. */
async function database(url: string, undo: (() => unknown)[]): Promise<string> {
  const name = `browser_${process.pid}_${Date.now()}`
  const query = async (text: string) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query(text).finally(() => client.end())
  }
  await query(`CREATE DATABASE ${name}`)
  undo.push(() => query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
  return url.replace(/^(\w+:\/\/[^/?]*)(\/[^?]*)?/, `$1/${name}`)
}

type Env = Record<string, string | undefined>

function run(command: string, args: string[], env: Env): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error ?? stderr}`)
  return stdout
}

function serve(
  name: string,
  command: string,
  args: string[],
  env: Env,
  folder: string,
  undo: (() => unknown)[],
  cwd?: string,
) {
  const log = openSync(join(folder, `${name}.log`), 'a')
  const child = spawn(command, args, { env, cwd, stdio: ['ignore', log, log] })
  closeSync(log)
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  undo.push(() => {
    process.off('exit', kill)
    return ended(child)
  })
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    const late = setTimeout(() => child.kill('SIGKILL'), 15_000)
    child.once('exit', () => {
      clearTimeout(late)
      resolve()
    })
    child.kill('SIGTERM')
  })
}

async function answers(url: string) {
  for (let tries = 300; tries > 0; tries--) {
    const reply = await fetch(url).catch(() => null)
    if (reply?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${url} does not answer`)
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

function tail(file: string): string {
  try {
    return readFileSync(file, 'utf8').slice(-4000)
  } catch {
    return ''
  }
}
