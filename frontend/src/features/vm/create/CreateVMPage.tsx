'use client'
/** Not there yet. */
export function CreateVMPage() {
  return null
}
