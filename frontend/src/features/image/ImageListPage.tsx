'use client'
/** Not there yet. */
export function ImageListPage() {
  return null
}
