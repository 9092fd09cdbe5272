const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** How long, in its two largest units: `48 s`, `3 min`, `2 h 5 min`, `12 d`. */
export function formatDuration(ms: number): string {
  const past = Math.max(0, ms)
  if (past < SECOND) return `${Math.round(past)} ms`
  if (past < MINUTE) return `${Math.floor(past / SECOND)} s`
  if (past < HOUR) return `${Math.floor(past / MINUTE)} min`
  if (past < DAY) return pair(past, HOUR, 'h', MINUTE, 'min')
  if (past < 14 * DAY) return pair(past, DAY, 'd', HOUR, 'h')
  return `${Math.floor(past / DAY)} d`
}

/** How long ago, short: `now`, `48 s`, `3 min`, `2 h`, `12 d`. A clock that is ahead of ours gives `now`. */
export function formatAge(since: string | number, now: number): string {
  const past = now - new Date(since).getTime()
  if (past < 5 * SECOND) return 'now'
  if (past < MINUTE) return `${Math.floor(past / SECOND)} s`
  if (past < HOUR) return `${Math.floor(past / MINUTE)} min`
  if (past < DAY) return `${Math.floor(past / HOUR)} h`
  return `${Math.floor(past / DAY)} d`
}

/** `now` or `3 min ago`. */
export function formatAgo(since: string | number, now: number): string {
  const age = formatAge(since, now)
  return age === 'now' ? age : `${age} ago`
}

export function formatMoment(time: string): string {
  return new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
}

export function formatDay(time: string): string {
  return new Date(time).toLocaleDateString(undefined, { dateStyle: 'medium' })
}

function pair(past: number, large: number, largeName: string, small: number, smallName: string) {
  const rest = Math.floor((past % large) / small)
  return `${Math.floor(past / large)} ${largeName}${rest ? ` ${rest} ${smallName}` : ''}`
}
