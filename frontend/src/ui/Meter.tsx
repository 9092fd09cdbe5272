import { cx } from './cx'

type MeterProps = {
  label: string
  value: number | null
  /** Null where there is no most: the words alone are shown. */
  max: number | null
  /** The value in words, with its unit: `6.1 of 16 GiB`. */
  text: string
  /** A second value, marked by a tick: what is promised, beside what is used. */
  mark?: number
  /** What the tick says. */
  markText?: string
  dim?: boolean
}

/** How much of something is used. Full is not by itself bad: it turns amber only above nine tenths. */
export function Meter({ label, value, max, text, mark, markText, dim }: MeterProps) {
  const most = max ?? 0
  const share = value === null || most <= 0 ? 0 : Math.min(1, value / most)
  return (
    <div className="min-w-0" title={markText}>
      <div className="flex items-baseline justify-between gap-2 text-xs tabular-nums">
        <span className="text-soft">{label}</span>
        <span className={cx('truncate', dim ? 'text-faint' : 'text-ink')}>{text}</span>
      </div>
      {max !== null && (
        <Bar
          share={share}
          label={[`${label}: ${text}`, markText].filter(Boolean).join('; ')}
          tone={dim ? 'dim' : share > 0.9 ? 'warn' : 'ink'}
          mark={mark === undefined || most <= 0 ? undefined : Math.min(1, mark / most)}
        />
      )}
    </div>
  )
}

type BarProps = { share: number; label: string; tone?: keyof typeof FILL; mark?: number }
const FILL = { ink: 'bg-soft', warn: 'bg-warn', dim: 'bg-edge/60' }

function Bar({ share, label, tone = 'ink', mark }: BarProps) {
  return (
    <div
      role="meter"
      aria-label={label}
      aria-valuenow={Math.round(share * 100)}
      aria-valuemin={0}
      aria-valuemax={100}
      className="relative mt-1 h-1.5 rounded-full bg-hover"
    >
      <div
        className={cx('h-full rounded-full transition-[width] duration-500', FILL[tone])}
        style={{ width: `${share * 100}%` }}
      />
      {mark !== undefined && (
        <div className="absolute -inset-y-0.5 w-0.5 bg-brand" style={{ left: `calc(${mark * 100}% - 1px)` }} />
      )}
    </div>
  )
}

/** How far a piece of work is; without a number it only says that it goes on. */
export function Progress({
  value,
  label,
  className,
}: {
  value: number | null | undefined
  label: string
  className?: string
}) {
  const known = value !== null && value !== undefined
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={known ? Math.round(value * 100) : undefined}
      className={cx('h-1 overflow-hidden rounded-full bg-hover', className)}
    >
      <div
        className={cx('h-full rounded-full bg-busy transition-[width] duration-500', !known && 'w-1/3 animate-pulse')}
        style={known ? { width: `${value * 100}%` } : undefined}
      />
    </div>
  )
}
