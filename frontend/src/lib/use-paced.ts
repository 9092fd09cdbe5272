'use client'
import { useEffect, useRef, useState } from 'react'

/** The value, followed at once after a quiet time, and every so many milliseconds while it goes on changing. */
export function usePaced<T>(value: T, every: number): T {
  const [shown, setShown] = useState(value)
  const due = useRef(0)
  useEffect(() => {
    if (value === shown) return
    const timer = setTimeout(
      () => {
        due.current = Date.now() + every
        setShown(value)
      },
      Math.max(0, due.current - Date.now()),
    )
    return () => clearTimeout(timer)
  }, [value, shown, every])
  return shown
}
