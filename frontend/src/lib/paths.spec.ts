import { expect, test } from 'vitest'
import { issuerPath, paths, safeNext } from './paths'

test('the addresses', () => {
  expect({
    vms: paths.vms(),
    search: paths.vms('host:kvm-01 status:running'),
    vm: paths.vm('vm_1'),
    tab: paths.vm('vm_1', 'disks'),
    overview: paths.vm('vm_1', 'overview'),
    host: paths.host('a/b='),
    people: paths.people('a b'),
    audit: paths.audit(),
    lines: paths.audit({ target: 'vm_1' }),
    policy: paths.policies({ edit: 'policy_1' }),
    ask: paths.policies({ who: 'user_1' }),
    signIn: paths.signIn('/vms?q=a'),
    issuer: issuerPath('i/1', '/vms?q=a&sort=name'),
  }).toEqual({
    vms: '/vms',
    search: '/vms?q=host%3Akvm-01%20status%3Arunning',
    vm: '/vms/vm_1',
    tab: '/vms/vm_1?tab=disks',
    overview: '/vms/vm_1',
    host: '/hosts/a%2Fb%3D',
    people: '/people?q=a+b',
    audit: '/audit',
    lines: '/audit?target=vm_1',
    policy: '/policies?edit=policy_1',
    ask: '/policies?tab=ask&who=user_1',
    signIn: '/sign-in?next=%2Fvms%3Fq%3Da',
    issuer: '/auth/issuers/i%2F1?to=%2Fvms%3Fq%3Da%26sort%3Dname',
  })
})

test.each([
  ['/vms/vm_1?tab=disks', '/vms/vm_1?tab=disks'],
  ['https://evil.example', '/vms'],
  ['//evil.example', '/vms'],
  ['/\\evil.example', '/vms'],
  ['/\t/evil.example', '/vms'],
  ['/\n\\evil.example', '/vms'],
  ['javascript:alert(1)', '/vms'],
  ['/sign-in?next=/x', '/vms'],
  [null, '/vms'],
])('after signing in, %s leads to %s', (next, path) =>
  expect(safeNext(new URLSearchParams(next === null ? {} : { next }))).toBe(path),
)

test('what a redirect brought along goes on with it', () => {
  expect(safeNext(new URLSearchParams('next=/vms&q=status%3Astopped'))).toBe('/vms?q=status%3Astopped')
  expect(safeNext(new URLSearchParams('next=%2Fvms%3Fq%3Da&sort=-memory'))).toBe('/vms?q=a&sort=-memory')
})

test('a sign-in that came to nothing keeps the page, and adds nothing to it', () => {
  const lead = (to: string) => safeNext(new URLSearchParams({ problem: 'away', request: 'req-12345678', to }))
  expect(lead('/vms?q=a&sort=-memory')).toBe('/vms?q=a&sort=-memory')
  expect(lead('//evil.example')).toBe('/vms')
})
