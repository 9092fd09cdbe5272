import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSchema } from 'graphql'
import { expect, test } from 'vitest'
import { DEEDS, deedOf } from './deeds'

test('what has words is in the contract', () => {
  const contract = process.env.NOVACRON_SCHEMA ?? join(import.meta.dirname, '../../../graph/schema')
  const files = readdirSync(contract).filter((name) => name.endsWith('.graphqls'))
  const schema = buildSchema(files.map((name) => readFileSync(join(contract, name), 'utf8')).join('\n'))
  const fields = { ...schema.getQueryType()?.getFields(), ...schema.getMutationType()?.getFields() }
  const known = [...Object.keys(fields), 'signIn', 'signOut']
  expect(Object.keys(DEEDS).filter((name) => !known.includes(name))).toEqual([])
})

test('what has none is told in plain letters', () => expect(deedOf('setColour').all).toBe('Set colour'))
