/** What is only read, as a cloud-init seed is, stays as large as it is. */
export function canGrow({ device, readOnly, seed }: { device: string; readOnly: boolean; seed: boolean }) {
  return device === 'disk' && !readOnly && !seed
}
