import { type Counted, type DB, GiB, type House, type Limits, newId, type VM } from './db'
import type { Resolvers } from './resolvers'
import { refuse } from './rules'
import type { CreateVM } from './vm-create'
import type { World } from './world'

const MIB = 1024 ** 2
const COUNTS: Counted[] = ['VMS', 'VCPUS', 'MEMORY_MIB', 'DISK_MIB', 'SNAPSHOTS']
const NOTHING: House['inUse'] = { VMS: 0, VCPUS: 0, MEMORY_MIB: 0, DISK_MIB: 0, SNAPSHOTS: 0 }

/** Only the organisation of the one who asks has VMs here; the others have what was made up for them. */
const inUse = (db: DB, { tenant, inUse: told }: House) => {
  if (tenant.id !== 'ten_1') return told
  return [...db.vms.values()]
    .filter(({ management }) => management === 'MANAGED')
    .reduce((sum, vm) => {
      const taken = takes(vm)
      return Object.fromEntries(COUNTS.map((each) => [each, sum[each] + taken[each]])) as House['inUse']
    }, NOTHING)
}

const takes = ({ vcpus, memoryMiB, disks, snapshots }: VM): House['inUse'] => ({
  VMS: 1,
  VCPUS: vcpus,
  MEMORY_MIB: memoryMiB,
  DISK_MIB: disks.filter(({ device }) => device === 'disk').reduce((sum, disk) => sum + disk.capacityBytes / MIB, 0),
  SNAPSHOTS: snapshots.length,
})

const lines = (db: DB, house: House) =>
  COUNTS.map((counted) => ({ counted, limit: house.limits[counted] ?? null, inUse: inUse(db, house)[counted] }))

const organisation = (db: DB, house: House) => ({ ...house, quota: lines(db, house) })

const here = (db: DB) => db.houses.find(({ tenant }) => tenant.id === db.here) as House

/** Refuses what would be too much for the organisation, at the field that asks for it. */
export function room(db: DB, input: CreateVM) {
  const bytes = ({ image = '', capacityBytes = 0, volume }: CreateVM['disks'][number]) =>
    volume ? 0 : Math.max(capacityBytes, db.images.get(image)?.capacityBytes ?? 0)
  const want: [Counted, number, string, string][] = [
    ['VMS', 1, 'VMs', ''],
    ['VCPUS', input.vcpus, 'vCPUs', 'vcpus'],
    ['MEMORY_MIB', input.memoryMiB, 'MiB of memory', 'memoryMiB'],
    ['DISK_MIB', input.disks.reduce((sum, disk) => sum + bytes(disk) / MIB, 0), 'MiB of disks', 'disks'],
  ]
  const { limits } = here(db)
  const used = inUse(db, here(db))
  for (const [counted, more, many, field] of want) {
    const most = limits[counted] ?? Number.POSITIVE_INFINITY
    if (used[counted] + more > most)
      refuse(
        'EXHAUSTED',
        `your organisation may have ${most} ${many}: ${used[counted]} are in use, and this takes ${more} more`,
        { field, remedy: 'Free some, or ask whoever looks after this installation for a larger quota.' },
      )
  }
}

type In<T> = { input: T }

export function quota({ db }: World): Resolvers {
  const look = () => {
    if (!db.platformAdmin)
      refuse('DENIED', 'This is for those who look after the installation.', { remedy: 'Ask one of them.' })
  }
  return {
    Query: {
      quota: () => lines(db, here(db)),
      organisations: () => {
        look()
        return db.houses
          .map((house) => organisation(db, house))
          .sort((a, b) => (a.tenant.name < b.tenant.name ? -1 : 1))
      },
    },
    Mutation: {
      addOrganisation: (_: unknown, { input: { name } }: In<{ name: string }>) => {
        look()
        if (!/^[A-Za-z0-9][\w.-]{0,62}$/.test(name))
          refuse('INVALID', `“${name}” is no name.`, {
            field: 'name',
            remedy: 'Use 1 to 63 letters, digits, -, _ or ., beginning with a letter or digit.',
          })
        if (db.houses.some(({ tenant }) => tenant.name === name))
          refuse('EXISTS', 'there is an organisation of this name', { field: 'name', remedy: 'Choose another name.' })
        const house: House = { tenant: { id: newId('ten'), name }, people: 1, limits: {}, inUse: NOTHING }
        db.houses.push(house)
        db.organisations.push({ tenant: house.tenant, role: 'OWNER' })
        return { organisation: organisation(db, house) }
      },
      setQuota: (
        _: unknown,
        { input }: In<{ organisation: string; limits: { counted: Counted; limit?: number | null }[] }>,
      ) => {
        look()
        const house =
          db.houses.find(({ tenant }) => tenant.id === input.organisation) ??
          refuse('NOT_FOUND', 'There is no such organisation.', { field: 'organisation' })
        for (const { counted, limit } of input.limits) {
          if ((limit ?? 0) < 0)
            refuse('INVALID', 'a limit is not negative', {
              field: 'limits',
              remedy: 'Use 0 or more, or null for no limit.',
            })
          if (limit == null) delete house.limits[counted]
          else house.limits[counted] = limit
        }
        return { quota: lines(db, house) }
      },
    },
  } as unknown as Resolvers
}

/** Of what is in use a third more, for as much as there is a limit. */
export function seedQuota(db: DB) {
  const [first, ...others] = db.organisations.map(({ tenant }) => tenant)
  if (!first) return
  const base = { people: db.people.size, limits: {}, inUse: NOTHING }
  const used = inUse(db, { ...base, tenant: first })
  const above = (value: number, step: number) => Math.ceil((value * 4) / 3 / step) * step
  const limits: Limits = {
    VMS: above(used.VMS, 10) + 10,
    VCPUS: above(used.VCPUS, 8) + 16,
    MEMORY_MIB: above(used.MEMORY_MIB, 1024) + 64 * 1024,
    DISK_MIB: above(used.DISK_MIB, 1024) + (512 * GiB) / MIB,
  }
  db.houses = [
    { ...base, tenant: first, limits },
    ...others.map((tenant, index) => ({
      tenant,
      people: 3 + index,
      limits: index === 0 ? { VMS: 20, VCPUS: 40, SNAPSHOTS: 50 } : {},
      inUse: { VMS: 19 - index, VCPUS: 44, MEMORY_MIB: 96 * 1024, DISK_MIB: 1.5 * 1024 ** 2, SNAPSHOTS: 12 },
    })),
    { tenant: { id: 'ten_4', name: 'Contoso' }, people: 1, limits: { VMS: 0 }, inUse: NOTHING },
  ]
}
