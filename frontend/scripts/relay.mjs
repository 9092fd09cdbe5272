// Joins the API's own schema files into one and generates what the components' documents become.
// The result is never committed: it always follows the contract that lies beside this folder.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSchema, printSchema } from 'graphql'

const root = join(import.meta.dirname, '..')
const contract = process.env.NOVACRON_SCHEMA ?? join(root, '..', 'graph', 'schema')
const files = readdirSync(contract)
  .filter((name) => name.endsWith('.graphqls'))
  .sort()
const sdl = files.map((name) => readFileSync(join(contract, name), 'utf8')).join('\n')

mkdirSync(join(root, 'relay'), { recursive: true })
mkdirSync(join(root, 'src/__generated__'), { recursive: true })
// Relay wants one type Query, where the contract extends it in each file.
writeFileSync(join(root, 'relay/schema.graphql'), printSchema(buildSchema(sdl)))

// The manifest is made anew: documents that there are no more would stay in it.
writeFileSync(join(root, 'relay/operations.json'), '{}')

const compiler = join(root, 'node_modules/.bin/relay-compiler')
const args = ['relay.config.json', '--repersist', ...process.argv.slice(2)]
const { status } = spawnSync(compiler, args, { cwd: root, stdio: 'inherit' })
process.exit(status ?? 1)
