'use client'
import { CloudOff } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useLiveness } from '@/relay/live'

const PATIENCE = 5_000

/** Above every page, once NovaCron has been silent for so long that what is pressed may come to nothing. */
export function SilenceBar() {
  const { state, behind } = useLiveness()
  const silent = state !== 'live' || behind
  const [long, setLong] = useState(false)
  useEffect(() => {
    if (!silent) return
    const timer = setTimeout(() => setLong(true), PATIENCE)
    return () => {
      clearTimeout(timer)
      setLong(false)
    }
  }, [silent])
  if (!long) return null
  return (
    <div
      role="alert"
      className="flex shrink-0 items-center gap-2.5 border-b border-warn/40 bg-warn-wash px-4 py-2 md:px-6"
    >
      <CloudOff aria-hidden className="size-4 shrink-0 text-warn" />
      <p>
        <strong className="font-medium">NovaCron does not answer.</strong> What you see is the last known, and what you
        do may not arrive. It is tried again by itself.
      </p>
    </div>
  )
}
