import { expect, test } from 'vitest'
import { paths, safeNext } from './paths'

test('the addresses', () => {
  expect({
    vms: paths.vms(),
    search: paths.vms('host:kvm-01 status:running'),
    vm: paths.vm('vm_1'),
    tab: paths.vm('vm_1', 'disks'),
    overview: paths.vm('vm_1', 'overview'),
    host: paths.host('a/b='),
    signIn: paths.signIn('/vms?q=a'),
  }).toEqual({
    vms: '/vms',
    search: '/vms?q=host%3Akvm-01%20status%3Arunning',
    vm: '/vms/vm_1',
    tab: '/vms/vm_1?tab=disks',
    overview: '/vms/vm_1',
    host: '/hosts/a%2Fb%3D',
    signIn: '/sign-in?next=%2Fvms%3Fq%3Da',
  })
})

test.each([
  ['/vms/vm_1?tab=disks', '/vms/vm_1?tab=disks'],
  ['https://evil.example', '/vms'],
  ['//evil.example', '/vms'],
  ['/\\evil.example', '/vms'],
  ['/sign-in?next=/x', '/vms'],
  [null, '/vms'],
])('after signing in, %s leads to %s', (next, path) =>
  expect(safeNext(new URLSearchParams(next === null ? {} : { next }))).toBe(path),
)

test('what a redirect brought along goes on with it', () => {
  expect(safeNext(new URLSearchParams('next=/vms&q=status%3Astopped'))).toBe('/vms?q=status%3Astopped')
  expect(safeNext(new URLSearchParams('next=%2Fvms%3Fq%3Da&sort=-memory'))).toBe('/vms?q=a&sort=-memory')
})
