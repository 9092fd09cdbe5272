import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSchema, type GraphQLFieldResolver, GraphQLObjectType, type GraphQLSchema } from 'graphql'
import { audit } from './audit'
import type { Batch } from './events'
import { otherVerbs } from './other-verbs'
import { people } from './people'
import { atLeast, policies } from './policies'
import { quota } from './quota'
import { matches, type VMFilter } from './reads'
import { type Resolvers, readers } from './resolvers'
import { vmVerbs } from './vm-verbs'
import type { World } from './world'

const CONTRACT = process.env.NOVACRON_SCHEMA ?? join(import.meta.dirname, '../../graph/schema')

/** The API's own schema files with the mock behind them. */
export function mockSchema(world: World): GraphQLSchema {
  const files = readdirSync(CONTRACT).filter((name) => name.endsWith('.graphqls'))
  const schema = buildSchema(files.map((name) => readFileSync(join(CONTRACT, name), 'utf8')).join('\n'))
  const may = atLeast(world.db)
  for (const resolvers of [
    readers(world),
    vmVerbs(world),
    otherVerbs(world),
    people(world),
    policies(world, may),
    quota(world),
    audit(world, may),
  ])
    attach(schema, resolvers)
  subscriptions(schema, world)
  return schema
}

function attach(schema: GraphQLSchema, resolvers: Resolvers) {
  for (const [typeName, fields] of Object.entries(resolvers)) {
    const type = schema.getType(typeName)
    if (!(type instanceof GraphQLObjectType)) throw new Error(`the contract has no type ${typeName}`)
    for (const [name, resolve] of Object.entries(fields)) {
      const field = type.getFields()[name]
      if (!field) throw new Error(`the contract has no field ${typeName}.${name}`)
      field.resolve = resolve as unknown as GraphQLFieldResolver<unknown, unknown>
    }
  }
}

type After = { after?: string | null }

function subscriptions(schema: GraphQLSchema, { db, log }: World) {
  const fields = schema.getSubscriptionType()?.getFields() ?? {}
  const set = (name: string, source: (args: never) => AsyncGenerator<unknown>) => {
    const field = fields[name]
    if (!field) throw new Error(`the contract has no subscription ${name}`)
    field.subscribe = (_, args) => source(args as never)
    field.resolve = (value) => value
  }
  async function* map<T>(source: AsyncGenerator<Batch>, to: (batch: Batch) => T | null): AsyncGenerator<T> {
    for await (const batch of source) {
      const value = to(batch)
      if (value) yield value
    }
  }
  set('vmEvents', ({ after, filter }: After & { filter?: VMFilter }) =>
    map(log.read('vm', after), (batch) => {
      const changes = batch.changes
        .map(({ id, kind }) => ({ id, kind, vm: db.vms.get(id) ?? null }))
        .filter(({ vm }) => !vm || matches(vm, { ids: filter?.ids, provider: filter?.provider }))
      return changes.length || batch.missed ? { ...batch, changes } : null
    }),
  )
  set('operationEvents', ({ after, id }: After & { id?: string }) =>
    map(log.read('operation', after), (batch) => {
      const operations = batch.changes
        .filter((each) => !id || each.id === id)
        .map((each) => db.operations.get(each.id))
        .filter(Boolean)
      return operations.length || batch.missed ? { ...batch, operations } : null
    }),
  )
  set('providerEvents', ({ after }: After) =>
    map(log.read('provider', after), (batch) => ({
      ...batch,
      changes: batch.changes.map(({ id, kind }) => ({ id, kind, provider: db.providers.get(id) ?? null })),
    })),
  )
  set('heartbeat', async function* ({ seconds }: { seconds: number }) {
    while (true) {
      yield new Date().toISOString()
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    }
  })
}
