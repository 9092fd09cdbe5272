import { describe, expect, test } from 'vitest'
import { formatSort, parseSort, toVMFilter } from './vm-filter'

const hosts = [
  { id: 'h1', name: 'kvm-01', provider: { name: 'local' } },
  { id: 'h2', name: 'kvm-02.dc1.example', provider: { name: 'kvm-02' } },
]

describe('what the search box asks of the API', () => {
  test('all kinds of terms at once', () => {
    expect(
      toVMFilter('status:running status:Creating host:kvm-02 tag:env=prod tag:team is:managed web 10.0', hosts),
    ).toEqual({
      filter: {
        search: 'web 10.0',
        status: ['RUNNING', 'PROVISIONING'],
        hypervisorHost: ['h2'],
        tags: [
          { key: 'env', value: 'prod' },
          { key: 'team', value: '' },
        ],
        management: 'MANAGED',
      },
      problems: [],
    })
  })

  test('nothing asks nothing', () => expect(toVMFilter('', hosts)).toEqual({ filter: {}, problems: [] }))

  test('what means nothing is told', () => {
    expect(toVMFilter('status:happy host:kvm-9 is:odd', hosts).problems).toEqual([
      'There is no status “happy”.',
      'There is no host “kvm-9”.',
      '“is:odd” means nothing; there are is:managed, is:discovered and is:missing.',
    ])
  })
})

describe('the sort in the address', () => {
  test.each([
    [null, 'name', 'ASC'],
    ['-memory', 'memory', 'DESC'],
    ['created', 'created', 'ASC'],
    ['nonsense', 'name', 'ASC'],
  ] as const)('%s', (text, key, direction) => expect(parseSort(text)).toEqual({ key, direction }))

  test('the default stands nowhere', () => {
    expect(formatSort('name', 'ASC')).toBeNull()
    expect(formatSort('name', 'DESC')).toBe('-name')
  })
})
