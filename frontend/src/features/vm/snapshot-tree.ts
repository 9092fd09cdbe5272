/** A snapshot with how deep it lies below the first one. */
export type Branch<S> = { snapshot: S; depth: number; last: boolean }

type Kept = { readonly name: string; readonly parent: string | null | undefined; readonly createdAt: string }

/**
 * Snapshots in the order of a drawn tree: each followed by what went on from it, oldest first. One
 * whose parent is not known begins a tree of its own, so that none is lost.
 */
export function snapshotTree<S extends Kept>(snapshots: readonly S[]): Branch<S>[] {
  const names = new Set(snapshots.map((each) => each.name))
  const drawn = new Set<string>()
  const rows: Branch<S>[] = []
  const draw = (parent: string | null, depth: number) => {
    const here = snapshots
      .filter((each) => (parent === null ? !each.parent || !names.has(each.parent) : each.parent === parent))
      .sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1))
    here.forEach((snapshot, index) => {
      if (drawn.has(snapshot.name)) return
      drawn.add(snapshot.name)
      rows.push({ snapshot, depth, last: index === here.length - 1 })
      draw(snapshot.name, depth + 1)
    })
  }
  draw(null, 0)
  return rows
}
