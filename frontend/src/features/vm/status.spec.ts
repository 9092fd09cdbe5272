import { expect, test } from 'vitest'
import { statusLook } from './status'

test('a VM on its way says what to, by the operation that is on its way', () => {
  expect(statusLook('STARTING', 'RESTORE_SNAPSHOT').word).toBe('Restoring')
  expect(statusLook('STARTING', 'START_VM').word).toBe('Starting')
  expect(statusLook('RUNNING', 'RESTORE_SNAPSHOT').word).toBe('Running')
})
