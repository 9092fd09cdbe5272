import { describe, expect, test } from 'vitest'
import { formatQuery, hasTerm, parseQuery, toggleTerm, valuesOf } from './filter'

const keys = ['status', 'host', 'tag']
const parse = (text: string) => parseQuery(text, keys)

describe('the filter grammar', () => {
  test('tells terms from words', () => {
    expect(parse('status:running web- host:kvm-03 tag:env=prod shop')).toEqual({
      terms: [
        { key: 'status', value: 'running' },
        { key: 'host', value: 'kvm-03' },
        { key: 'tag', value: 'env=prod' },
      ],
      words: ['web-', 'shop'],
    })
  })

  test('takes quotes around spaces, also while they are being typed', () => {
    expect(parse('host:"rack 4" "web shop"')).toEqual({
      terms: [{ key: 'host', value: 'rack 4' }],
      words: ['web shop'],
    })
    expect(parse('"web sh')).toEqual({ terms: [], words: ['web sh'] })
  })

  test('leaves an unknown key a word: an IPv6 address and a MAC can be searched', () => {
    expect(parse('fe80::1 52:54:00:ab colour:red').words).toEqual(['fe80::1', '52:54:00:ab', 'colour:red'])
  })

  test('ignores a term without value while it is being typed', () => {
    expect(parse('status:')).toEqual({ terms: [], words: [] })
  })

  test.each(['status:running', 'host:"rack 4" web', 'tag:env=prod tag:team "web shop"', ''])(
    'survives text → terms → text: %s',
    (text) => {
      expect(formatQuery(parse(text))).toBe(text)
    },
  )

  test('toggles a term without regard to case', () => {
    const on = toggleTerm(parse('web'), 'status', 'running')
    expect(formatQuery(on)).toBe('status:running web')
    expect(hasTerm(on, 'status', 'RUNNING')).toBe(true)
    expect(formatQuery(toggleTerm(on, 'status', 'RUNNING'))).toBe('web')
  })

  test('gathers the values of one key', () => {
    expect(valuesOf(parse('status:running status:error host:a'), 'status')).toEqual(['running', 'error'])
  })
})
