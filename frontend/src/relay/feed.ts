/** A place in the server's log of events, and when we came to know of it. */
type Place = { cursor: string; order: number }

/** A subscription that is told what happens, from some place on. */
export type Follower = { place: Place; news: number; readonly resume: (after: string) => void }

/** An answer younger than this may be on its way to the screen, and its subscription has not begun. */
export const SETTLING = 5_000

export type Mark = { place: Place; each: Map<Follower, Place> }

/**
 * Brings what is told and what is asked into one order. They come by different ways, so an answer may be
 * older than news that came before it, and would undo them in the store. Whatever was told between asking
 * and answer is therefore told again: subscriptions resume from where they were when it was asked.
 */
export class Feed {
  private latest: Place
  private readonly followers = new Set<Follower>()
  private answers: { place: Place; at: number }[] = []

  constructor(cursor: string) {
    this.latest = { cursor, order: 1 }
  }

  /** A subscription begins, at its place: before whatever it may have to follow was asked for. */
  follow(resume: (after: string) => void): Follower {
    const place = this.settling().reduce((least, { place }) => (place.order < least.order ? place : least), this.latest)
    const follower = { place, news: place.order, resume }
    this.followers.add(follower)
    return follower
  }

  leave(follower: Follower) {
    this.followers.delete(follower)
  }

  /** A follower has everything up to the cursor; `news` when that was more than nothing. */
  told(follower: Follower, cursor: string, news: boolean) {
    this.latest = { cursor, order: this.latest.order + 1 }
    follower.place = this.latest
    if (news) follower.news = this.latest.order
  }

  /** Where everybody is; taken before something is asked. */
  mark(): Mark {
    return { place: this.latest, each: new Map([...this.followers].map((each) => [each, each.place])) }
  }

  /** What was asked at the mark is in the store now. */
  settle({ place, each }: Mark) {
    this.answers = [...this.settling(), { place, at: Date.now() }]
    for (const follower of this.followers) {
      const from = each.get(follower) ?? place
      // One that is on its way from an earlier place already has told nothing of this one yet.
      if (follower.news <= from.order || follower.place.order <= from.order) continue
      follower.place = from
      follower.resume(from.cursor)
    }
  }

  private settling() {
    return this.answers.filter(({ at }) => Date.now() - at < SETTLING)
  }
}
