'use client'
/** Not there yet. */
export function HostPage() {
  return null
}
