import { expect, test } from 'vitest'
import { formatTags, parseTags } from './tags'

test('labels are lines', () => {
  const tags = [
    { key: 'env', value: 'prod' },
    { key: 'keep', value: '' },
    { key: 'query', value: 'a=b' },
  ]
  expect(formatTags(tags)).toBe('env=prod\nkeep\nquery=a=b')
  expect(parseTags(formatTags(tags))).toEqual(tags)
})

test('blank lines, commas and repetitions do no harm', () => {
  expect(parseTags('\n env = prod ,env=test\n\n')).toEqual([{ key: 'env', value: 'test' }])
})
