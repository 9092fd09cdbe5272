import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ago, type DB, newId, now, type Policy } from './db'
import { viewer } from './people'
import type { Resolvers } from './resolvers'
import { refuse } from './rules'
import type { World } from './world'

type In<T> = { input: T }
const HOUSE = join(import.meta.dirname, '../../internal/access/policies/house.cedar')
const ROLES = ['VIEWER', 'OPERATOR', 'ADMIN', 'OWNER']

/** Policies that are kept, and looked into only as far as a page needs it: nothing here understands Cedar. */
export function policies({ db }: World, may: (role: string) => void): Resolvers {
  const must = (id: string) => db.policies.get(id) ?? refuse('NOT_FOUND', 'There is no such policy.')
  const check = ({ name, text }: { name?: string; text?: string }, own?: string) => {
    if (name !== undefined && !/^[A-Za-z0-9][\w.-]{0,62}$/.test(name))
      refuse('INVALID', `“${name}” is no name.`, { field: 'name', remedy: 'Use 1 to 63 letters, digits, -, _ or .' })
    if (name !== undefined && [...db.policies.values()].some((each) => each.name === name && each.id !== own))
      refuse('EXISTS', `There is a ${name} already.`, { field: 'name', remedy: 'Choose another name.' })
    if (text === undefined) return
    const remedy = 'See the Cedar reference, or begin with one of the examples.'
    const line = text.split('\n').findIndex((each) => /\ballow\b/.test(each))
    if (line >= 0)
      refuse(
        'INVALID',
        `this is no Cedar policy: parser error: parse error at <input>:${line + 1}:1 "allow": unexpected effect: allow`,
        { field: 'text', remedy },
      )
    const unknown = /Action::"(\w*VMM)"/.exec(text)?.[1]
    if (unknown)
      refuse('INVALID', `there is no action "${unknown}"`, {
        field: 'text',
        remedy: 'Actions are the names of the API’s fields.',
      })
  }
  return {
    Query: {
      policies: () => {
        may('ADMIN')
        return [...db.policies.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
      },
      housePolicies: () => readFileSync(HOUSE, 'utf8'),
      whatMay: (_: unknown, { person, permission, on }: { person: string; permission: string; on?: string }) => {
        may('ADMIN')
        const who = db.people.get(person) ?? refuse('NOT_FOUND', 'There is no such person.')
        const role = [who.roleByHand, who.roleByIssuer].sort(
          (a, b) => ROLES.indexOf(b ?? '') - ROLES.indexOf(a ?? ''),
        )[0]
        const leastRole = LEAST[permission] ?? 'OPERATOR'
        const has = ROLES.indexOf(role ?? '') >= ROLES.indexOf(leastRole)
        const production = db.vms.get(on ?? '')?.tags.some(({ key, value }) => key === 'env' && value === 'production')
        const forbidden =
          permission === 'deleteVM' && production && role !== 'OWNER' && db.policies.get('policy_1')?.enabled
        return {
          allowed: has && !forbidden && who.active,
          policies: forbidden ? ['production'] : has ? [`roles-${leastRole.toLowerCase()}`] : [],
          leastRole,
          role,
        }
      },
    },
    Mutation: {
      addPolicy: (_: unknown, { input }: In<{ name: string; text: string; enabled: boolean }>) => {
        may('OWNER')
        check(input)
        const policy: Policy = {
          ...input,
          id: newId('policy'),
          version: 1,
          changedBy: 'admin',
          createdAt: now(),
          updatedAt: now(),
        }
        db.policies.set(policy.id, policy)
        return { policy }
      },
      updatePolicy: (_: unknown, { input }: In<{ id: string; ifVersion?: number } & Partial<Policy>>) => {
        may('OWNER')
        const { id, ifVersion, ...change } = input
        const policy = must(id)
        if (ifVersion && ifVersion !== policy.version)
          refuse('CONFLICT', 'somebody else has changed the policy meanwhile', { remedy: 'Read it again.' })
        check(change, id)
        Object.assign(policy, change, { version: policy.version + 1, changedBy: 'admin', updatedAt: now() })
        return { policy }
      },
      removePolicy: (_: unknown, { input }: In<{ id: string }>) => {
        may('OWNER')
        must(input.id)
        db.policies.delete(input.id)
        return { id: input.id }
      },
    },
  } as unknown as Resolvers
}

const LEAST: Record<string, string> = { auditLog: 'ADMIN', people: 'ADMIN', addPolicy: 'OWNER', addProvider: 'ADMIN' }

/** Refuses who has a lesser role. */
export const atLeast = (db: DB) => (need: string) => {
  const { role } = viewer(db)
  if (ROLES.indexOf(role) < ROLES.indexOf(need))
    refuse('DENIED', `Your role ${role} may not do this.`, { remedy: `Ask an administrator for the role ${need}.` })
}

export function seedPolicies(db: DB) {
  const all: Omit<Policy, 'version' | 'createdAt'>[] = [
    {
      id: 'policy_1',
      name: 'production',
      enabled: true,
      changedBy: 'admin',
      updatedAt: ago(4300),
      text: `// Production is deleted by owners alone.
forbid (principal, action in [Action::"deleteVM", Action::"powerOffVM"], resource is VM)
when { resource.hasTag("env") && resource.getTag("env") == "production" }
unless { principal in Role::"OWNER" };
`,
    },
    {
      id: 'policy_2',
      name: 'training',
      enabled: false,
      changedBy: 'margaret',
      updatedAt: ago(9 * 86_400),
      text: `permit (principal in Role::"VIEWER", action == Action::"startVM", resource is VM)
when { resource.hasTag("use") && resource.getTag("use") == "training" };
`,
    },
  ]
  for (const each of all) db.policies.set(each.id, { ...each, version: 3, createdAt: ago(60 * 86_400) })
}
