import { type AuditEntry, ago, type DB } from './db'
import { page } from './reads'
import type { Resolvers } from './resolvers'
import type { World } from './world'

type Filter = Partial<Record<'actor' | 'action' | 'outcome' | 'target' | 'operation' | 'since' | 'until', string>>

/** What was done, as it was seeded: the mock writes nothing down. */
export function audit({ db }: World, may: (role: string) => void): Resolvers {
  return {
    Query: {
      auditLog: (_: unknown, { first, after, filter }: { first: number; after?: string; filter?: Filter }) => {
        may('ADMIN')
        return page(
          db.audit.filter((line) => matches(line, filter ?? {})),
          first,
          after,
        )
      },
    },
  } as unknown as Resolvers
}

const matches = (line: AuditEntry, { actor, action, outcome, target, operation, since, until }: Filter) =>
  (!actor || line.actor === actor) &&
  (!action || line.action === action) &&
  (!outcome || line.outcome === outcome) &&
  (!target || line.targetId === target) &&
  (!operation || line.operationId === operation) &&
  (!since || line.at >= since) &&
  (!until || line.at < until)

type Seed = Partial<Omit<AuditEntry, 'detail'>> & { action: string; seconds: number; detail?: object }

export function seedAudit(db: DB) {
  const vms = [...db.vms.values()]
  const onVM = (index: number) => {
    const vm = vms[index % vms.length]
    return { targetType: 'VM', targetId: vm?.id ?? null, targetName: vm?.name ?? '' }
  }
  const told: Seed[] = [
    { seconds: 20, action: 'openConsole', ...onVM(2), detail: { kind: 'SERIAL' } },
    {
      seconds: 95,
      action: 'operationEnded',
      address: '',
      ...onVM(1),
      operationId: 'op_3',
      detail: { kind: 'START_VM', status: 'SUCCEEDED' },
    },
    { seconds: 101, action: 'startVM', ...onVM(1), operationId: 'op_3' },
    {
      seconds: 240,
      action: 'deleteVM',
      actor: 'barbara',
      address: '192.0.2.18',
      outcome: 'DENIED',
      ...onVM(0),
      detail: { reason: 'The policy production forbids it', role: 'OPERATOR' },
    },
    { seconds: 300, action: 'signIn', actor: 'barbara', address: '192.0.2.18' },
    {
      seconds: 1300,
      action: 'operationEnded',
      actor: 'alan@northwind.example',
      address: '',
      targetType: 'VM',
      targetId: 'vm_gone',
      targetName: 'batch-17',
      operationId: 'op_stuck',
      detail: {
        kind: 'ATTACH_DISK',
        status: 'STUCK',
        code: 'UNAVAILABLE',
        message: 'the connection to kvm-03 was lost',
      },
    },
    {
      seconds: 4000,
      action: 'grantRole',
      targetType: 'PERSON',
      targetId: 'user_5',
      targetName: 'grace',
      detail: { role: 'ADMIN', expiresAt: ago(-3 * 86_400) },
    },
    {
      seconds: 4300,
      action: 'updatePolicy',
      targetType: 'POLICY',
      targetId: 'policy_1',
      detail: { name: null, text: null, enabled: true },
    },
    {
      seconds: 9000,
      action: 'updateVM',
      ...onVM(1),
      detail: { changes: [{ field: 'memoryMiB', current: '4096', next: '8192' }] },
    },
    {
      seconds: 10_000,
      action: 'setPersonActive',
      targetType: 'PERSON',
      targetId: 'user_7',
      targetName: 'linus',
      detail: { active: false },
    },
    {
      seconds: 12_000,
      action: 'people',
      actor: 'ci-runner',
      address: '2001:db8:20::7f3a',
      outcome: 'DENIED',
      targetType: 'ORGANISATION',
      targetId: 'ten_1',
      detail: { reason: 'Your role OPERATOR may not do this', role: 'OPERATOR' },
    },
    { seconds: 86_400, action: 'addProvider', targetType: 'PROVIDER', targetId: 'prov_1', targetName: 'kvm-01' },
    ...Array.from(
      { length: 90 },
      (_, index): Seed => ({
        seconds: 90_000 + index * 7200,
        action: index % 2 ? 'shutdownVM' : 'startVM',
        actor: 'ci-runner',
        address: '2001:db8:20::7f3a',
        ...onVM(index),
      }),
    ),
  ]
  db.audit = told.map(({ seconds, detail, ...line }, index) => ({
    __typename: 'AuditEntry',
    id: String(told.length - index),
    at: ago(seconds),
    actor: 'admin',
    address: '10.20.0.41',
    requestId: `0190b4c2-7d1e-7c55-9f0a-3b6c8d${String(index).padStart(6, '0')}`,
    outcome: 'ALLOWED',
    targetType: '',
    targetId: null,
    targetName: '',
    operationId: null,
    ...line,
    detail: JSON.stringify(detail ?? {}),
  }))
}
