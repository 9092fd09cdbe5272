'use client'
import { cx } from './cx'
import { Tip } from './Tip'

type Props = {
  label: string
  on: boolean
  onChange: (on: boolean) => void
  busy?: boolean
  /** Why it cannot be used. It stays in its place, and says this. */
  disabledReason?: string
}

/** On or off, at once. Its knob tells it besides the colour. */
export function Switch({ label, on, onChange, busy, disabledReason }: Props) {
  const off = busy || Boolean(disabledReason)
  return (
    <Tip text={disabledReason} off={!disabledReason}>
      <button
        type="button"
        role="switch"
        aria-checked={on}
        aria-label={label}
        aria-disabled={off || undefined}
        aria-busy={busy || undefined}
        onClick={() => !off && onChange(!on)}
        className="group flex h-7 w-9 shrink-0 items-center justify-center rounded-md pointer-coarse:size-10"
      >
        <span
          className={cx(
            'flex h-4.5 w-8 items-center rounded-full border px-0.5 transition-colors',
            on ? 'justify-end border-ink bg-ink' : 'justify-start border-edge bg-sunken',
            off ? 'opacity-60' : 'group-hover:border-soft',
          )}
        >
          <span className={cx('size-3 rounded-full', on ? 'bg-canvas' : 'bg-edge', busy && 'animate-pulse')} />
        </span>
      </button>
    </Tip>
  )
}
