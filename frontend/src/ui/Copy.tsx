'use client'
import { Check, Copy } from 'lucide-react'
import { useEffect, useState } from 'react'
import { cx } from './cx'

/** Copies the text; says so for two seconds. `what` names it for those who hear the page. */
export function CopyButton({ text, what, className }: { text: string; what: string; className?: string }) {
  const [done, setDone] = useState(false)
  useEffect(() => {
    if (!done) return
    const timer = setTimeout(() => setDone(false), 2000)
    return () => clearTimeout(timer)
  }, [done])
  const Icon = done ? Check : Copy
  return (
    <button
      type="button"
      aria-label={done ? `Copied ${what}` : `Copy ${what}`}
      onClick={() => {
        copy(text).then(() => setDone(true))
      }}
      className={cx(
        'inline-flex size-6 items-center justify-center rounded-sm text-faint hover:bg-hover hover:text-ink pointer-coarse:size-9',
        className,
      )}
    >
      <Icon aria-hidden className="size-3.5" />
    </button>
  )
}

async function copy(text: string) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  // Without TLS browsers keep the clipboard to themselves; the old way still works.
  const area = document.createElement('textarea')
  area.value = text
  area.style.position = 'fixed'
  area.style.opacity = '0'
  document.body.append(area)
  area.select()
  document.execCommand('copy')
  area.remove()
}

type TextProps = { text: string; what: string; mono?: boolean; value?: string }

/** A value that people take elsewhere: an address, an id. `value` is copied where the text is an abbreviation. */
export function CopyText({ text, what, mono, value = text }: TextProps) {
  return (
    <span className="inline-flex min-w-0 items-center gap-1">
      <span className={cx('min-w-0 wrap-anywhere', mono && 'font-mono text-xs')}>{text}</span>
      <CopyButton text={value} what={what} />
    </span>
  )
}
