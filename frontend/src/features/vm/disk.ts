type Drive = { readonly name: string; readonly device: string; readonly readOnly: boolean; readonly seed: boolean }

/** The disk that a VM boots from: the API does not tell the order of boot, and VMs made here boot from their first. */
export function bootDisk(disks: readonly Drive[]): string | undefined {
  return disks.find(canGrow)?.name
}

/** What is only read, as a cloud-init seed is, stays as large as it is. */
export function canGrow({ device, readOnly, seed }: { device: string; readOnly: boolean; seed: boolean }) {
  return device === 'disk' && !readOnly && !seed
}
