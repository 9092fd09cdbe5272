// Builds the dashboard as one folder that serves itself: `PORT=3000 node .next/standalone/server.js`.
import { spawnSync } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { allowOwnScripts } from './policy.mjs'

const root = join(import.meta.dirname, '..')

function run(command, args) {
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { NEXT_TELEMETRY_DISABLED: '1', ...process.env },
  })
  if (status !== 0) process.exit(status ?? 1)
}

run(process.execPath, ['scripts/relay.mjs'])
run(process.execPath, ['node_modules/next/dist/bin/next', 'build'])
allowOwnScripts(join(root, '.next/server'), [join(root, '.next/standalone/.next/routes-manifest.json')])
cpSync(join(root, '.next/static'), join(root, '.next/standalone/.next/static'), { recursive: true })
cpSync(join(root, 'relay/operations.json'), join(root, '.next/standalone/persisted_operations.json'))
cpSync(join(root, 'public'), join(root, '.next/standalone/public'), { recursive: true })
