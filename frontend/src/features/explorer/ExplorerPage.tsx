'use client'
/** Not there yet. */
export function ExplorerPage() {
  return null
}
