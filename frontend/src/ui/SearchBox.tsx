'use client'
import { Search, X } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { cx } from './cx'
import { CONTROL } from './fields'

const PAUSE = 150

type Props = {
  label: string
  placeholder: string
  text: string
  onText: (text: string, how?: 'push' | 'replace') => void
}

/** What is typed reaches the address after a short pause, as one step of the history. */
export function SearchBox({ label, placeholder, text, onText }: Props) {
  const box = useRef<HTMLInputElement>(null)
  const [typed, setTyped] = useState(text)
  // What we wrote into the address comes back from it, perhaps when more has been typed.
  const own = useRef<string[]>([])
  useEffect(() => {
    const ours = own.current.lastIndexOf(text)
    own.current = ours < 0 ? [] : own.current.slice(ours + 1)
    if (ours < 0) setTyped((before) => (before.trim() === text ? before : text))
  }, [text])
  useEffect(() => {
    const next = typed.trim()
    if (next === text) return
    const timer = setTimeout(() => {
      own.current.push(next)
      onText(next, text === '' ? 'push' : 'replace')
    }, PAUSE)
    return () => clearTimeout(timer)
  })
  return (
    <div className="relative min-w-0 flex-1 md:max-w-xl">
      <Search
        aria-hidden
        className="pointer-events-none absolute top-1/2 left-2.5 size-4 -translate-y-1/2 text-faint"
      />
      <input
        ref={box}
        type="search"
        aria-label={label}
        aria-keyshortcuts="/"
        placeholder={placeholder}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') box.current?.blur()
        }}
        className={cx(
          CONTROL,
          'h-8 pr-8 pl-8 pointer-coarse:h-10 pointer-coarse:text-base [&::-webkit-search-cancel-button]:hidden',
        )}
      />
      {typed ? (
        <button
          type="button"
          aria-label="Clear search"
          onClick={() => {
            setTyped('')
            box.current?.focus()
          }}
          className="absolute top-1/2 right-1.5 flex size-6 -translate-y-1/2 items-center justify-center rounded-sm text-faint hover:bg-hover"
        >
          <X aria-hidden className="size-3.5" />
        </button>
      ) : (
        <kbd
          aria-hidden
          className="pointer-events-none absolute top-1/2 right-2 -translate-y-1/2 rounded-sm border px-1.5 font-sans text-2xs text-faint pointer-coarse:hidden"
        >
          /
        </kbd>
      )}
    </div>
  )
}
