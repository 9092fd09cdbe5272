import { expect, test } from 'vitest'
import { snapshotTree } from './snapshot-tree'

const kept = (name: string, parent: string | null, createdAt: string) => ({ name, parent, createdAt })

test('children follow their parents, oldest first', () => {
  const rows = snapshotTree([
    kept('c', 'a', '2026-01-03'),
    kept('b', 'a', '2026-01-02'),
    kept('a', null, '2026-01-01'),
    kept('d', 'b', '2026-01-04'),
  ])
  expect(rows.map(({ snapshot, depth }) => [snapshot.name, depth])).toEqual([
    ['a', 0],
    ['b', 1],
    ['d', 2],
    ['c', 1],
  ])
})

test('one whose parent is gone is not lost, and two that name each other end', () => {
  expect(snapshotTree([kept('x', 'gone', '2026-01-01')]).map(({ snapshot }) => snapshot.name)).toEqual(['x'])
  expect(snapshotTree([kept('x', 'y', '1'), kept('y', 'x', '2')])).toEqual([])
})
