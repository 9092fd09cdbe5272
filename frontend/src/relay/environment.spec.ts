import { expect, test } from 'vitest'
import { recordId } from './environment'

test('only global ids are ids of records', () => {
  expect(recordId({ id: 'vm_1' }, 'VM')).toBe('vm_1')
  expect(recordId({ id: 'vm_1' }, 'VMEvent')).toBeUndefined()
  expect(recordId({ id: 1 }, 'NUMACell')).toBeUndefined()
  expect(recordId({}, 'Disk')).toBeUndefined()
})
