import { fault, GiB, type Image, newId, now, type Operation, type Provider } from './db'
import { catalog, type Resolvers } from './resolvers'
import { operationActions, refuse } from './rules'
import { ended, type World } from './world'

type In<T> = { input: T }

export function otherVerbs(world: World): Resolvers {
  const { db, log } = world
  const operation = (id: string): Operation =>
    db.operations.get(id) ?? refuse('NOT_FOUND', 'There is no such operation.')
  const may = (each: Operation, name: string) => {
    const action = operationActions(each).find((one) => one.name === name)
    if (!action?.allowed) refuse('CONFLICT', action?.reason ?? '')
  }
  return {
    Mutation: {
      cancelOperation: (_: unknown, { input }: In<{ id: string }>) => {
        const each = operation(input.id)
        if (!ended(each)) each.cancelRequested = true
        world.say(each)
        return { operation: each }
      },
      retryOperation: (_: unknown, { input }: In<{ id: string }>) => {
        const each = operation(input.id)
        may(each, 'retry')
        each.status = 'UNDOING'
        world.say(each)
        setTimeout(() => {
          each.status = 'STUCK'
          world.say(each)
        }, 2500)
        return { operation: each }
      },
      abandonOperation: (_: unknown, { input }: In<{ id: string }>) => {
        const each = operation(input.id)
        may(each, 'abandon')
        Object.assign(each, { status: 'FAILED', finishedAt: now() })
        world.say(each)
        return { operation: each }
      },
      importImage: (_: unknown, { input }: In<ImportImage>) => {
        const entry = catalog.find((each) => each.key === input.catalog)
        if (!entry && !/^https?:\/\/[^/]+\/.+/.test(input.url ?? ''))
          refuse('INVALID', 'This is no address of a file.', {
            field: 'url',
            remedy: 'Give one that begins with https://.',
          })
        if (input.url?.startsWith('http:') && !input.checksum)
          refuse('INVALID', 'Over http a checksum is needed.', {
            field: 'checksum',
            remedy: 'Give its SHA-256, or an https address.',
          })
        const name =
          input.name ||
          entry?.name ||
          input.url
            ?.split('/')
            .pop()
            ?.replace(/\.\w+$/, '') ||
          'image'
        const image = addImage(input.provider, name, input.pool, {
          os: entry?.os,
          defaultUser: entry?.defaultUser,
          source: entry ? 'catalogue' : input.url,
        })
        const work = [
          { name: 'Bring the image', ms: 8000 },
          { name: 'Verify its checksum', ms: 900 },
          { name: 'Write it into the pool', ms: 900, done: () => ready(image, entry?.sizeBytes ?? 0.4 * GiB) },
        ]
        return {
          operation: track(
            image,
            work,
            name.includes('fail')
              ? fault('INVALID', 'Its checksum is another one.', { remedy: 'Check the address and the checksum.' })
              : undefined,
          ),
          image,
        }
      },
      uploadImage: (
        _: unknown,
        { input }: In<{ provider: string; pool?: string; name: string; sizeBytes: number }>,
      ) => {
        const image = addImage(input.provider, input.name, input.pool, { source: 'upload' })
        const op = track(image, [{ name: 'Take in the file', ms: 4000, done: () => ready(image, input.sizeBytes) }])
        return { path: `/uploads/${newId('up')}`, operation: op, image }
      },
      registerImage: (
        _: unknown,
        { input }: In<{ provider: string; pool: string; volume: string; name?: string; os?: string }>,
      ) => {
        const image = addImage(input.provider, input.name || input.volume, input.pool, {
          os: input.os,
          source: 'volume',
          volume: input.volume,
        })
        ready(image, GiB)
        return { image }
      },
      deleteImage: (_: unknown, { input }: In<{ id: string }>) => {
        const image = db.images.get(input.id) ?? refuse('NOT_FOUND', 'There is no such image.')
        const used = [...db.vms.values()].filter(
          (vm) =>
            vm.providerId === image.providerId && vm.disks.some((disk) => disk.backing.endsWith(`/${image.volume}`)),
        ).length
        if (used)
          refuse('CONFLICT', `${used} VMs have disks that are overlays of it.`, {
            remedy: 'Keep its volume, or delete those VMs first.',
            field: 'deleteVolume',
          })
        return {
          operation: world.begin({
            kind: 'DELETE_IMAGE',
            target: image,
            work: [{ name: 'Remove the volume', ms: 700, done: () => db.images.delete(image.id) }],
          }),
        }
      },
      testProvider: (_: unknown, { input }: In<AddProvider>) => test(world, input),
      testProviderChange: (_: unknown, { input }: In<Partial<AddProvider> & { id: string }>) => {
        const { id, credentials, ...changes } = input
        // What is kept of credentials is never told, so it is taken to be right.
        return test(world, { ...mustProvider(id), ...changes, credentials: { caCertificate: 'kept', ...credentials } })
      },
      addProvider: (_: unknown, { input }: In<AddProvider>) => {
        if ([...db.providers.values()].some((each) => each.name === input.name))
          refuse('EXISTS', `There is a host ${input.name} already.`, { field: 'name', remedy: 'Choose another name.' })
        const { problem } = test(world, input)
        if (problem) refuse(problem.code, problem.message, problem)
        const added: Provider = {
          __typename: 'Provider',
          id: newId('prov'),
          name: input.name,
          kind: input.kind,
          transport: input.transport ?? null,
          host: input.host ?? '',
          port: input.port ?? 0,
          user: input.user ?? '',
          accelerator: input.accelerator,
          status: 'CONNECTING',
          statusSince: now(),
          problem: null,
          lastSeenAt: null,
          version: '9.0.0',
          encryption: 'TLS 1.3',
          cpus: 16,
          memoryMiB: 65536,
          warnings: [],
          createdAt: now(),
          settingsVersion: 1,
        }
        db.providers.set(added.id, added)
        log.publish({ noun: 'provider', id: added.id, kind: 'ADDED' })
        setTimeout(() => {
          Object.assign(added, { status: 'CONNECTED', lastSeenAt: now(), statusSince: now() })
          log.publish({ noun: 'provider', id: added.id, kind: 'UPDATED' })
        }, 1500)
        return { provider: added }
      },
      updateProvider: (_: unknown, { input }: In<Partial<Provider> & { id: string }>) => {
        const each = mustProvider(input.id)
        const { id: _id, ...changes } = input
        Object.assign(each, changes)
        each.settingsVersion++
        log.publish({ noun: 'provider', id: each.id, kind: 'UPDATED' })
        return { provider: each }
      },
      removeProvider: (_: unknown, { input }: In<{ id: string }>) => {
        db.providers.delete(mustProvider(input.id).id)
        for (const vm of db.vms.values()) if (vm.providerId === input.id) world.forget(vm)
        log.publish({ noun: 'provider', id: input.id, kind: 'REMOVED' })
        return { id: input.id }
      },
      refreshProvider: (_: unknown, { input }: In<{ id: string }>) => {
        const each = mustProvider(input.id)
        if (each.status === 'CONNECTED') each.lastSeenAt = now()
        log.publish({ noun: 'provider', id: each.id, kind: 'UPDATED' })
        return { provider: each }
      },
      createAPIToken: (_: unknown, { input }: In<{ name: string; role: string; expiresAt?: string }>) => {
        if (!input.name.trim()) refuse('INVALID', 'A token needs a name of 1 to 63 characters.', { field: 'name' })
        const secret = `nc_${Array.from({ length: 40 }, () => 'abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'[Math.floor(Math.random() * 55)]).join('')}`
        const token = {
          id: newId('tok'),
          name: input.name,
          prefix: secret.slice(0, 7),
          role: input.role,
          createdAt: now(),
          expiresAt: input.expiresAt ?? null,
          lastUsedAt: null,
        }
        db.tokens.set(token.id, token)
        return { token, secret }
      },
      revokeAPIToken: (_: unknown, { input }: In<{ id: string }>) => {
        db.tokens.delete(input.id)
        return { id: input.id }
      },
    },
  } as unknown as Resolvers

  function mustProvider(id: string): Provider {
    return db.providers.get(id) ?? refuse('NOT_FOUND', 'There is no such host.')
  }

  function addImage(providerId: string, name: string, pool = 'default', more: Partial<Image> = {}): Image {
    if ([...db.images.values()].some((each) => each.name === name && each.providerId === providerId))
      refuse('EXISTS', `There is an image ${name} already.`, { field: 'name', remedy: 'Choose another name.' })
    const image: Image = {
      __typename: 'Image',
      id: newId('img'),
      name,
      providerId,
      pool: pool || 'default',
      volume: `${name}.qcow2`,
      status: 'IMPORTING',
      format: 'qcow2',
      capacityBytes: 0,
      sizeBytes: 0,
      os: '',
      defaultUser: '',
      sha256: '',
      source: '',
      operationId: null,
      createdAt: now(),
    }
    for (const [key, value] of Object.entries(more)) if (value !== undefined) Object.assign(image, { [key]: value })
    db.images.set(image.id, image)
    return image
  }

  function ready(image: Image, sizeBytes: number) {
    Object.assign(image, {
      status: 'READY',
      sizeBytes: Math.round(sizeBytes),
      capacityBytes: 3 * GiB,
      sha256: 'ab12'.repeat(16),
    })
  }

  function track(
    image: Image,
    work: { name: string; ms: number; done?: () => void }[],
    fails?: ReturnType<typeof fault>,
  ) {
    const undo = () => Object.assign(image, { status: 'FAILED' })
    const op = world.begin({ kind: 'IMPORT_IMAGE', target: image, work, fails, undo })
    image.operationId = op.id
    return op
  }
}

type ImportImage = { provider: string; pool?: string; catalog?: string; url?: string; checksum?: string; name?: string }
type AddProvider = {
  name: string
  kind: string
  transport?: string | null
  host?: string
  port?: number
  user?: string
  accelerator: string
  credentials?: Record<string, string>
}

/** Hosts fail by name: `down…`, `wrong…`, `expired…`. */
function test(_world: World, input: AddProvider) {
  const at = input.host ?? ''
  const no = (problem: ReturnType<typeof fault>) => ({ ok: false, problem, found: null })
  if (!input.name)
    return no(fault('INVALID', 'A host needs a name.', { field: 'name', remedy: 'Give it one of 1 to 63 characters.' }))
  if (input.transport !== 'LOCAL' && !at)
    return no(fault('INVALID', 'Where is it?', { field: 'host', remedy: 'Give its DNS name or address.' }))
  if (input.transport === 'TLS' && !input.credentials?.caCertificate)
    return no(
      fault('INVALID', 'TLS needs the certificate of the authority that signed the host’s.', {
        field: 'credentials.caCertificate',
        remedy: 'Paste it or choose its file.',
      }),
    )
  if (at.startsWith('down'))
    return no(
      fault('UNAVAILABLE', `Nothing answers at ${at}:16514.`, {
        field: 'host',
        remedy:
          'Is libvirtd listening for TLS? `systemctl enable --now libvirtd-tls.socket` on the host, and open TCP 16514.',
        provider: 'libvirt',
        providerCode: '38',
        providerText: `unable to connect to server at '${at}:16514': Connection refused`,
      }),
    )
  if (at.startsWith('wrong'))
    return no(
      fault('UNAUTHORIZED', 'Its certificate was signed by another authority.', {
        field: 'credentials.caCertificate',
        remedy: 'Give the certificate of the authority that signed the host’s: /etc/pki/CA/cacert.pem there.',
      }),
    )
  return {
    ok: true,
    problem: null,
    found: {
      name: at || 'localhost',
      version: 'libvirt 9.0.0, QEMU 7.2',
      encryption: input.transport === 'SSH' ? 'SSH' : input.transport === 'LOCAL' ? 'local socket' : 'TLS 1.3',
      cpus: 16,
      memoryMiB: 65536,
      vmCount: 12,
      warnings: at.includes('kvm-02') ? ['This machine is connected already, as kvm-02.'] : [],
    },
  }
}
