import { expect, test } from 'vitest'
import { EMPTY, inputOf } from './host-draft'

test('only what the chosen way needs is sent', () => {
  const all = {
    ...EMPTY,
    name: ' kvm-01 ',
    host: ' kvm ',
    port: '16515',
    user: 'root',
    caCertificate: 'CA',
    clientCertificate: 'C',
    clientKey: 'K',
    sshKey: 'S',
    sshHostKey: 'H',
  }
  expect(inputOf({ ...all, transport: 'LOCAL' })).toEqual({
    name: 'kvm-01',
    kind: 'LIBVIRT',
    transport: 'LOCAL',
    accelerator: 'AUTO',
  })
  expect(inputOf({ ...all, transport: 'TLS' })).toMatchObject({
    host: 'kvm',
    port: 16515,
    user: undefined,
    credentials: { caCertificate: 'CA', clientCertificate: 'C', clientKey: 'K' },
  })
  expect(inputOf({ ...all, transport: 'SSH' })).toMatchObject({
    user: 'root',
    credentials: { sshKey: 'S\n', sshHostKey: 'H' },
  })
})
