import { cx } from './cx'

/** How something stands, whatever it is. Each tone has a shape of its own: colour is never alone. */
export type Tone = 'good' | 'busy' | 'idle' | 'held' | 'warn' | 'bad' | 'unknown'

const INK: Record<Tone, string> = {
  good: 'text-good',
  busy: 'text-busy',
  idle: 'text-faint',
  held: 'text-warn',
  warn: 'text-warn',
  bad: 'text-bad',
  unknown: 'text-faint',
}

function Shape({ tone }: { tone: Tone }) {
  switch (tone) {
    case 'good':
      return <circle cx="6" cy="6" r="4.25" fill="currentColor" />
    case 'busy':
      return (
        <g fill="none" stroke="currentColor" strokeWidth="2" className="origin-center animate-spin">
          <circle cx="6" cy="6" r="4.25" opacity="0.25" />
          <path d="M6 1.75a4.25 4.25 0 0 1 4.25 4.25" strokeLinecap="round" />
        </g>
      )
    case 'idle':
      return <circle cx="6" cy="6" r="3.5" fill="none" stroke="currentColor" strokeWidth="1.5" />
    case 'held':
      return <path d="M3 2h2v8H3zM7 2h2v8H7z" fill="currentColor" />
    case 'warn':
      return <path d="M6 1.2 11.3 10.5H.7z" fill="currentColor" />
    case 'bad':
      return <path d="M6 .9 11.1 6 6 11.1.9 6z" fill="currentColor" />
    case 'unknown':
      return <circle cx="6" cy="6" r="3.75" fill="none" stroke="currentColor" strokeWidth="1.5" strokeDasharray="2 2" />
  }
}

/** A mark and a word. `dim` for what is only the last known. */
export function State({ tone, word, dim, className }: { tone: Tone; word: string; dim?: boolean; className?: string }) {
  return (
    <span
      className={cx('inline-flex items-center gap-1.5 whitespace-nowrap', dim ? 'text-faint' : INK[tone], className)}
    >
      <svg viewBox="0 0 12 12" className="size-3 shrink-0" aria-hidden="true">
        <Shape tone={tone} />
      </svg>
      <span className="font-medium">{word}</span>
    </span>
  )
}
