import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { API } from './api.ts'

export type Place = { provider: string; host: string; image: string }

/** Connects a host that is real, and brings the tiny image to it under a name that no other run has. */
export async function connect(api: API, name: string, transport: 'TLS' | 'SSH'): Promise<Place> {
  const state = process.env.NOVACRON_TEST_HOSTS ?? ''
  const read = (...path: string[]) => readFileSync(join(state, ...path), 'utf8')
  const hosts: { name: string; address: string }[] = JSON.parse(read('hosts.json'))
  const address = hosts.find((each) => each.name === name)?.address
  const credentials =
    transport === 'TLS'
      ? {
          caCertificate: read('pki', 'cacert.pem'),
          clientCertificate: read('pki', 'clientcert.pem'),
          clientKey: read('pki', 'clientkey.pem'),
        }
      : {
          sshKey: read('ssh', 'id'),
          sshHostKey: keyOf(read('ssh', 'known_hosts'), address ?? ''),
        }
  const { providers } = await api.ask('{ providers { id name } }', {})
  // A test that failed has left it.
  for (const { id } of providers.filter((each: { name: string }) => each.name === name))
    await leave(api, { provider: id })
  const { addProvider } = await api.ask(
    'mutation($input: AddProviderInput!) { addProvider(input: $input) { provider { id } } }',
    {
      input: {
        name,
        transport,
        host: address,
        user: transport === 'SSH' ? 'root' : undefined,
        accelerator: 'QEMU',
        credentials,
      },
    },
  )
  const provider = addProvider.provider.id
  const host = await api.until(
    'query($id: ID!) { provider(id: $id) { status problem { message } hosts { id } } }',
    { id: provider },
    (data) => data.provider.status === 'CONNECTED' && data.provider.hosts[0]?.id,
  )
  const { importImage } = await api.ask(
    'mutation($input: ImportImageInput!) { importImage(input: $input) { image { id name } } }',
    { input: { provider, catalog: 'novacron-tiny', name: `tiny-${process.pid}` } },
  )
  const { id: image } = importImage.image
  await api.until(
    'query($id: ID!) { image(id: $id) { status } }',
    { id: image },
    (data) => data.image.status === 'READY',
  )
  return { provider, host, image }
}

/** The host's key as a line of known_hosts without the names. */
function keyOf(known: string, address: string): string {
  const line = known.split('\n').find((each) => each.split(' ')[0]?.split(',').includes(address))
  return line?.split(' ').slice(1).join(' ') ?? ''
}

/** Removes what tests have made there, and then the connection. */
export async function leave(api: API, { provider }: Pick<Place, 'provider'>) {
  await sweep(api, provider)
  await api.ask('mutation($id: ID!) { removeProvider(input: { id: $id }) { id } }', { id: provider })
}

/** Removes what tests have made, at one place or all; what others have there is not ours to touch. */
export async function sweep(api: API, provider?: string) {
  const { vms, images } = await api.ask(
    `query($filter: VMFilter, $provider: ID) {
      vms(first: 100, filter: $filter) { edges { node { id management configuration { disks { name path } } } } }
      images(provider: $provider) { id }
    }`,
    { filter: provider ? { provider: [provider] } : {}, provider },
  )
  for (const { node } of vms.edges) {
    if (node.management !== 'MANAGED') continue
    const disks = node.configuration.disks.filter((disk: { path: string }) => disk.path !== '')
    await api.done('mutation($input: DeleteVMInput!) { done: deleteVM(input: $input) { operation { id } } }', {
      input: {
        id: node.id,
        force: true,
        snapshots: true,
        disks: disks.map(({ name }: { name: string }) => ({ name, fate: 'DELETE' })),
      },
    })
  }
  for (const { id } of images)
    await api.done('mutation($input: DeleteImageInput!) { done: deleteImage(input: $input) { operation { id } } }', {
      input: { id },
    })
}
