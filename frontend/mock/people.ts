import { ago, type DB, newId, now, type Part, type Person, type Session } from './db'
import type { Resolvers } from './resolvers'
import { type Action, refuse } from './rules'
import type { World } from './world'

type In<T> = { input: T }
const ROLES = ['VIEWER', 'OPERATOR', 'ADMIN', 'OWNER']
const rank = (role: string | null) => ROLES.indexOf(role ?? '')

/** Who asks: the same person in each organisation, with another role in each. */
export function viewer(db: DB) {
  const here = db.organisations.find(({ tenant }) => tenant.id === db.here)
  const self = db.people.get('user_1')
  return {
    id: self?.id,
    name: self?.name,
    fullName: self?.fullName,
    email: self?.email,
    role: here?.role ?? 'VIEWER',
    platformAdmin: db.platformAdmin,
    tenant: here?.tenant,
    organisations: db.organisations,
    apiTokens: [...db.tokens.values()].sort((a, b) => (a.createdAt > b.createdAt ? -1 : 1)),
    sessions: sessions(db),
  }
}

const sessions = (db: DB) => [...db.sessions.values()].sort((a, b) => (a.createdAt > b.createdAt ? -1 : 1))
const roleOf = ({ roleByHand, roleByIssuer }: Person) =>
  (rank(roleByHand) > rank(roleByIssuer) ? roleByHand : (roleByIssuer ?? 'VIEWER')) as string

const grantsOf = ({ id, roleByHand, roleByHandEnds, roleByIssuer, parts, createdAt }: Person) => {
  const base = { on: null, source: 'HAND', grantedBy: 'admin', createdAt, expiresAt: null }
  return [
    ...(roleByHand ? [{ ...base, id: `grant_${id}`, role: roleByHand, expiresAt: roleByHandEnds }] : []),
    ...(roleByIssuer
      ? [{ ...base, id: `grant_${id}_rules`, role: roleByIssuer, source: 'ISSUER', grantedBy: '' }]
      : []),
    ...parts.map((part) => ({ ...base, ...part })),
  ]
}

export function personActions(db: DB, person: Person): Action[] {
  const own = viewer(db).role
  return ['grantRole', 'revokeRole', 'setPersonActive', 'resetPassword'].map((name) => {
    const no = (reason: string, remedy: string) => ({ name, allowed: false, reason, remedy })
    if (rank(own) < rank('ADMIN'))
      return no(`Your role ${own} may not do this`, 'Ask an administrator for the role ADMIN.')
    if (rank(roleOf(person)) > rank(own)) return no('They may do more than you', 'Ask an owner of the organisation.')
    if (person.id === 'user_1' && name !== 'resetPassword')
      return no('This is you', 'Ask another administrator, so that somebody is left who can.')
    if (name === 'revokeRole' && !person.roleByHand && person.parts.length === 0)
      return no(
        'Nobody gave them a role by hand',
        'Their issuer’s rules do: change those, or the groups that they are in.',
      )
    if (person.elsewhere && (name === 'setPersonActive' || name === 'resetPassword'))
      return no('Their account belongs to another organisation', 'Take their role back instead.')
    if (name === 'resetPassword' && person.issuer)
      return no('Their issuer signs them in', 'They change their password there.')
    return { name, allowed: true, reason: '', remedy: '' }
  })
}

export function people(world: World): Resolvers {
  const { db } = world
  const must = (id: string, verb: string): Person => {
    const person = db.people.get(id) ?? refuse('NOT_FOUND', 'There is no such person.')
    const action = personActions(db, person).find(({ name }) => name === verb)
    if (!action?.allowed) refuse('CONFLICT', action?.reason ?? '', { remedy: action?.remedy })
    return person
  }
  const grantable = (role: string) => {
    const own = viewer(db).role
    if (rank(role) > rank(own))
      refuse('DENIED', `You can give at most your own role, ${own}.`, {
        field: 'role',
        remedy: 'Choose a lesser role.',
      })
  }
  return {
    Query: {
      viewer: () => viewer(db),
      people: () => {
        const { role } = viewer(db)
        if (rank(role) < rank('ADMIN'))
          refuse('DENIED', `Your role ${role} may not do this.`, {
            remedy: 'Ask an administrator for the role ADMIN.',
          })
        return [...db.people.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
      },
    },
    Person: {
      role: roleOf,
      grants: grantsOf,
      actions: (person: Person) => personActions(db, person),
    },
    Mutation: {
      switchOrganisation: (_: unknown, { input }: In<{ id: string }>) => {
        const there = db.organisations.find(({ tenant }) => tenant.id === input.id)
        if (!there) refuse('NOT_FOUND', 'There is no such organisation.', { field: 'id' })
        db.here = input.id
        return { tenant: there.tenant }
      },
      endSessions: (_: unknown, { input }: In<{ ids: string[]; others: boolean }>) => {
        for (const session of db.sessions.values())
          if (input.ids.includes(session.id) || (input.others && !session.current)) db.sessions.delete(session.id)
        return { sessions: sessions(db) }
      },
      addPerson: (_: unknown, { input }: In<{ name: string; role: string }>) => {
        if (!/^[A-Za-z0-9][\w.-]{0,62}$/.test(input.name))
          refuse('INVALID', `“${input.name}” is no name.`, {
            field: 'name',
            remedy: 'Use 1 to 63 letters, digits, -, _ or ., beginning with a letter or digit.',
          })
        grantable(input.role)
        if ([...db.people.values()].some(({ name }) => name === input.name))
          refuse('EXISTS', `There is a ${input.name} already.`, { field: 'name', remedy: 'Choose another name.' })
        const person: Person = { ...BLANK, id: newId('user'), name: input.name, roleByHand: input.role }
        db.people.set(person.id, person)
        return { person, password: password() }
      },
      grantRole: (_: unknown, { input }: In<{ id: string; role: string; on?: Part; expiresAt?: string }>) => {
        const person = must(input.id, 'grantRole')
        grantable(input.role)
        const { role, on, expiresAt = null } = input
        if (!on) Object.assign(person, { roleByHand: role, roleByHandEnds: expiresAt })
        else {
          const gone = on.vms.findIndex((id) => !db.vms.has(id))
          if (gone >= 0)
            refuse('NOT_FOUND', `There is no VM ${on.vms[gone]}.`, {
              field: `on.vms[${gone}]`,
              remedy: 'Leave it out.',
            })
          person.parts = [...person.parts, { id: newId('grant'), role, on, expiresAt }]
        }
        return { person }
      },
      revokeRole: (_: unknown, { input }: In<{ id: string; grant?: string }>) => {
        const person = must(input.id, 'revokeRole')
        const { id, grant } = input
        const all = !grant
        if (all || grant === `grant_${id}`) Object.assign(person, { roleByHand: null, roleByHandEnds: null })
        person.parts = person.parts.filter((part) => !all && part.id !== grant)
        if (person.roleByIssuer || person.roleByHand || person.parts.length > 0) return { person }
        db.people.delete(person.id)
        return { person: null }
      },
      setPersonActive: (_: unknown, { input }: In<{ id: string; active: boolean }>) => {
        const person = must(input.id, 'setPersonActive')
        person.active = input.active
        return { person }
      },
      resetPassword: (_: unknown, { input }: In<{ id: string }>) => ({
        person: must(input.id, 'resetPassword'),
        password: password(),
      }),
    },
  } as unknown as Resolvers
}

const password = () =>
  Array.from({ length: 20 }, () => 'abcdefghjkmnpqrstuvwxyz23456789'[Math.floor(Math.random() * 31)]).join('')

const BLANK = {
  fullName: '',
  email: '',
  issuer: null,
  roleByHand: null,
  roleByHandEnds: null,
  roleByIssuer: null,
  parts: [],
  active: true,
  lastSeenAt: null,
  createdAt: now(),
  elsewhere: false,
}

/** Who vouches for people. The second one is away. */
export const ISSUERS = [
  { id: 'iss_1', name: 'Northwind' },
  { id: 'iss_2', name: 'Contoso' },
]

const DAY = 86_400

export function seedPeople(db: DB) {
  db.organisations = [
    { tenant: { id: 'ten_1', name: 'Default' }, role: 'OWNER' },
    { tenant: { id: 'ten_2', name: 'Lab' }, role: 'OPERATOR' },
    { tenant: { id: 'ten_3', name: 'Northwind Traders' }, role: 'VIEWER' },
  ]
  const all: (Partial<Person> & { name: string })[] = [
    { name: 'admin', fullName: 'Ada Lovelace', email: 'ada@example.org', roleByHand: 'OWNER' },
    {
      name: 'alan@northwind.example',
      fullName: 'Alan Turing',
      email: 'alan@northwind.example',
      issuer: 'Northwind',
      roleByIssuer: 'ADMIN',
      lastSeenAt: ago(420),
    },
    { name: 'barbara', roleByHand: 'OPERATOR', roleByHandEnds: ago(-12 * DAY) },
    {
      name: 'ci-runner',
      issuer: 'Northwind',
      roleByIssuer: 'OPERATOR',
      parts: [
        {
          id: 'grant_ci',
          role: 'ADMIN',
          on: { providers: ['prov_1'], vms: [], tags: [{ key: 'use', value: 'ci' }] },
          expiresAt: null,
        },
        {
          id: 'grant_vms',
          role: 'OWNER',
          on: { providers: [], vms: ['vm_001', 'vm_gone'], tags: [] },
          expiresAt: ago(-9 * DAY),
        },
      ],
      lastSeenAt: ago(35),
    },
    {
      name: 'grace',
      fullName: 'Grace Hopper',
      email: 'grace@northwind.example',
      issuer: 'Northwind',
      roleByHand: 'ADMIN',
      roleByHandEnds: ago(-3 * DAY),
      roleByIssuer: 'VIEWER',
      lastSeenAt: ago(2 * DAY),
    },
    {
      name: 'katherine',
      fullName: 'Katherine Johnson',
      email: 'katherine@contoso.example',
      issuer: 'Contoso',
      roleByHand: 'VIEWER',
      lastSeenAt: ago(40 * DAY),
      elsewhere: true,
    },
    { name: 'linus', roleByHand: 'VIEWER', active: false },
    {
      name: 'margaret',
      fullName: 'Margaret Hamilton',
      email: 'margaret@northwind.example',
      issuer: 'Northwind',
      roleByIssuer: 'OWNER',
      lastSeenAt: ago(3 * 3600),
    },
  ]
  for (const [index, each] of all.entries()) {
    const id = `user_${index + 1}`
    db.people.set(id, { ...BLANK, id, createdAt: ago((90 - index) * DAY), ...each })
  }
  const base = { issuer: null, current: false, expiresAt: ago(-4 * DAY) }
  const seen: Session[] = [
    {
      ...base,
      id: 'sess_1',
      current: true,
      address: '10.20.0.41',
      agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
      createdAt: ago(5400),
      lastUsedAt: ago(20),
    },
    {
      ...base,
      id: 'sess_2',
      address: '2001:db8:20::7f3a',
      agent:
        'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1',
      issuer: 'Northwind',
      createdAt: ago(2 * DAY),
      lastUsedAt: ago(3 * 3600),
    },
    {
      ...base,
      id: 'sess_3',
      address: '192.0.2.18',
      agent:
        'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0',
      createdAt: ago(3 * DAY),
      lastUsedAt: ago(2.5 * DAY),
    },
  ]
  for (const each of seen) db.sessions.set(each.id, each)
}
