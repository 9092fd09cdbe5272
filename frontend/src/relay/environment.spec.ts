import { expect, test } from 'vitest'
import { recordId } from './environment'

test('the viewer is not the person of the same id', () => {
  expect(recordId({ id: 'user_1' }, 'Viewer')).not.toBe(recordId({ id: 'user_1' }, 'Person'))
})

test('only global ids are ids of records', () => {
  expect(recordId({ id: 'vm_1' }, 'VM')).toBe('vm_1')
  expect(recordId({ id: 'vm_1' }, 'VMEvent')).toBeUndefined()
  expect(recordId({ id: 1 }, 'NUMACell')).toBeUndefined()
  expect(recordId({}, 'Disk')).toBeUndefined()
})
