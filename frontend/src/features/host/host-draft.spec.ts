import { expect, test } from 'vitest'
import { EMPTY, inputOf, portProblem, updateOf } from './host-draft'

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

test.each(['abc', '0', '65536', '22.5', '-1'])('%s is no port', (port) => {
  expect(portProblem({ transport: 'SSH', port })).toBe('A port is a number from 1 to 65535.')
  expect(portProblem({ transport: 'LOCAL', port })).toBeUndefined()
})

test.each(['', ' 22 ', '65535'])('“%s” is a port', (port) =>
  expect(portProblem({ transport: 'TLS', port })).toBeUndefined(),
)

test('by SSH NovaCron is root unless another one is given', () =>
  expect(inputOf({ ...EMPTY, transport: 'SSH' }).user).toBe('root'))

test('an update leaves the way alone, and credentials that were not given', () => {
  const draft = { ...EMPTY, name: 'kvm-01', transport: 'TLS' as const, host: 'kvm' }
  expect(updateOf(draft)).toEqual({ name: 'kvm-01', host: 'kvm', port: 0, accelerator: 'AUTO' })
  expect(updateOf({ ...draft, clientKey: 'K' }).credentials).toMatchObject({ clientKey: 'K' })
})
