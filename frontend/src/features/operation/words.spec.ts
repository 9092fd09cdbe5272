import { expect, test } from 'vitest'
import { doing } from './words'

const steps = [
  { name: 'Copy the image', status: 'DONE' },
  { name: 'Boot the VM', status: 'RUNNING' },
]
const between = [
  { name: 'Copy the image', status: 'DONE' },
  { name: 'Boot the VM', status: 'PENDING' },
]
const undone = [{ name: 'Copy the image', status: 'UNDOING' }]

test.each([
  ['its own words', { status: 'RUNNING', note: '2 of 3 GiB', steps }, '2 of 3 GiB'],
  ['its turn', { status: 'QUEUED', note: '', steps: [] }, 'Waiting for its turn'],
  ['the step that it is at', { status: 'RUNNING', note: '', steps }, 'Boot the VM'],
  ['what it takes back', { status: 'UNDOING', note: '', steps: undone }, 'Undoing: Copy the image'],
  ['the step that comes next', { status: 'RUNNING', note: '', steps: between }, 'Boot the VM'],
  ['how it stands', { status: 'RUNNING', note: '', steps: [] }, 'Running'],
])('an operation tells %s', (_, operation, said) => expect(doing(operation)).toBe(said))
