'use client'
/** Not there yet. */
export function AddHostPage() {
  return null
}
