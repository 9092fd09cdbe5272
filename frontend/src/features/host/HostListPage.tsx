'use client'
/** Not there yet. */
export function HostListPage() {
  return null
}
