'use client'
import { type RefObject, useEffect, useId, useRef } from 'react'
import { cx } from './cx'

/** A place in a text, both counted from 1. */
export type Mark = { line: number; column: number }

const TEXT = 'font-mono text-xs leading-5'
const AREA = `${TEXT} min-w-0 flex-1 resize-none overflow-x-auto bg-transparent px-2.5 py-1.5 outline-none`

type NumbersProps = { count: number; mark?: number; marked?: RefObject<HTMLDivElement | null> }

function Numbers({ count, mark, marked }: NumbersProps) {
  return (
    <div
      aria-hidden
      className={cx(TEXT, 'shrink-0 border-r bg-sunken py-1.5 text-right text-faint tabular-nums select-none')}
    >
      {Array.from({ length: count }, (_, index) => (
        <div
          key={index}
          ref={mark === index + 1 ? marked : undefined}
          className={cx('scroll-my-12 px-2', mark === index + 1 && 'bg-bad text-canvas')}
        >
          {index + 1}
        </div>
      ))}
    </div>
  )
}

type FieldProps = {
  label: string
  /** The API's name of this field. */
  name: string
  value: string
  onChange: (value: string) => void
  rows?: number
  problem?: string
  /** Where the problem is: its line is marked, and the cursor goes there. */
  mark?: Mark | null
}

/** A text whose lines count: numbered, never folded, as high as it is long. Tab leaves it, as everything else. */
export function CodeField({ label, name, value, onChange, rows = 6, problem, mark }: FieldProps) {
  const id = useId()
  const area = useRef<HTMLTextAreaElement>(null)
  const marked = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!mark || !area.current) return
    const place = offset(area.current.value, mark)
    area.current.setSelectionRange(place, place)
    // After whoever brings the whole field into sight.
    const frame = requestAnimationFrame(() => marked.current?.scrollIntoView({ block: 'nearest' }))
    return () => cancelAnimationFrame(frame)
  }, [mark])
  const count = value.split('\n').length
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className="text-xs font-medium text-soft">
        {label}
      </label>
      <div
        className={cx(
          'flex overflow-hidden rounded-md border bg-surface has-focus-visible:outline-2 has-focus-visible:outline-brand',
          problem ? 'border-bad' : 'border-edge hover:border-soft',
        )}
      >
        <Numbers count={count} mark={problem ? mark?.line : undefined} marked={marked} />
        <textarea
          ref={area}
          id={id}
          name={name}
          value={value}
          rows={Math.max(rows, count)}
          wrap="off"
          spellCheck={false}
          autoCapitalize="none"
          autoComplete="off"
          aria-invalid={problem ? true : undefined}
          aria-describedby={problem ? `${id}-error` : undefined}
          onChange={(event) => onChange(event.target.value)}
          className={AREA}
        />
      </div>
      {problem && (
        <p id={`${id}-error`} className="text-xs font-medium text-bad wrap-anywhere">
          {problem}
        </p>
      )}
    </div>
  )
}

/** How far into the text a place is; its end for one behind it. */
function offset(text: string, { line, column }: Mark): number {
  const before = text.split('\n').slice(0, line - 1)
  const begin = before.reduce((sum, each) => sum + each.length + 1, 0)
  return Math.min(text.length, begin + column - 1)
}

/** The same to read alone. */
export function CodeBlock({ label, text }: { label: string; text: string }) {
  const lines = text.trimEnd()
  const count = lines.split('\n').length
  return (
    <div className="flex overflow-hidden rounded-md border bg-surface has-focus-visible:outline-2 has-focus-visible:outline-brand">
      <Numbers count={count} />
      <textarea readOnly aria-label={label} value={lines} rows={count} wrap="off" spellCheck={false} className={AREA} />
    </div>
  )
}
