'use client'
/** Not there yet. */
export function OperationListPage() {
  return null
}
