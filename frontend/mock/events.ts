type Change = { noun: 'vm' | 'operation' | 'provider'; id: string; kind: 'ADDED' | 'UPDATED' | 'REMOVED' }
export type Batch = { cursor: string; missed: boolean; changes: Change[] }

/** The log that subscriptions read: whoever comes back with a cursor gets what it missed. */
export class Log {
  private readonly changes: Change[] = []
  private readonly waiting = new Set<() => void>()
  private losses = 0

  /** The place up to which everything has happened. */
  get cursor(): string {
    return String(this.changes.length)
  }

  publish(change: Change) {
    this.changes.push(change)
    for (const wake of this.waiting) wake()
  }

  /** Whoever listens is told to have missed something. */
  lose() {
    this.losses++
    for (const wake of this.waiting) wake()
  }

  /** Batches of one noun's changes, each thing once, at most ten a second. */
  async *read(noun: Change['noun'], after?: string | null): AsyncGenerator<Batch> {
    let at = after ? Number(after) : this.changes.length
    const missed = after !== undefined && after !== null && !(at >= 0 && at <= this.changes.length)
    if (missed) {
      at = this.changes.length
      yield { cursor: String(at), missed, changes: [] }
    }
    let { losses } = this
    while (true) {
      if (at === this.changes.length && losses === this.losses) await this.more()
      await new Promise((resolve) => setTimeout(resolve, 100))
      if (losses !== this.losses) {
        losses = this.losses
        at = this.changes.length
        yield { cursor: this.cursor, missed: true, changes: [] }
        continue
      }
      const last = new Map<string, Change>()
      for (const change of this.changes.slice(at)) if (change.noun === noun) last.set(change.id, change)
      at = this.changes.length
      if (last.size > 0) yield { cursor: String(at), missed: false, changes: [...last.values()] }
    }
  }

  private more(): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.waiting.delete(wake)
        resolve()
      }
      this.waiting.add(wake)
    })
  }
}
