'use client'
import { Plus, X } from 'lucide-react'
import { randomKey } from '@/lib/random'
import { formatBytes } from '@/lib/units'
import { Button, IconButton } from '@/ui/Button'
import { SelectField, TextField } from '@/ui/fields'
import { Section } from '@/ui/page'
import type { SectionProps } from './CreateVMPage'
import type { DiskDraft, NICDraft } from './draft'
import { VolumeField } from './VolumeField'

/** More disks, and what it is plugged into. */
export function DeviceSections({ draft, set, problems, place }: SectionProps) {
  const pools = place?.pools ?? []
  const networks = place?.networks ?? []
  const changeDisk = (key: string, patch: Partial<DiskDraft>) =>
    set({ disks: draft.disks.map((disk) => (disk.key === key ? { ...disk, ...patch } : disk)) })
  const changeNIC = (key: string, patch: Partial<NICDraft>) =>
    set({ nics: draft.nics.map((nic) => (nic.key === key ? { ...nic, ...patch } : nic)) })
  return (
    <>
      <Section
        title="More disks"
        actions={
          <Button
            size="sm"
            icon={<Plus aria-hidden className="size-3.5" />}
            onClick={() =>
              set({
                disks: [
                  ...draft.disks,
                  { key: randomKey(), kind: 'new', size: '20', pool: '', volume: '', cdrom: false },
                ],
              })
            }
          >
            Add a disk
          </Button>
        }
      >
        {draft.disks.length === 0 && <p className="text-soft">None besides the boot disk.</p>}
        {problems.disks && <p className="mb-2 text-xs font-medium text-bad">{problems.disks}</p>}
        <ul className="flex flex-col gap-3">
          {draft.disks.map((disk, index) => (
            <li
              key={disk.key}
              className="grid grid-cols-[1fr_1fr_auto] items-end gap-3 sm:grid-cols-[10rem_1fr_1fr_auto]"
            >
              <SelectField
                label="What"
                className="max-sm:col-span-3"
                value={disk.kind === 'new' ? 'new' : disk.cdrom ? 'cdrom' : 'volume'}
                onChange={(kind) =>
                  changeDisk(disk.key, {
                    kind: kind === 'new' ? 'new' : 'volume',
                    cdrom: kind === 'cdrom',
                    pool: disk.pool || (kind === 'new' ? '' : (pools[0]?.name ?? '')),
                  })
                }
                options={[
                  { value: 'new', label: 'New disk' },
                  { value: 'volume', label: 'Existing volume' },
                  { value: 'cdrom', label: 'CD-ROM (ISO)' },
                ]}
              />
              <SelectField
                label="Pool"
                name={`disks[${index + 1}].pool`}
                value={disk.pool}
                onChange={(pool) => changeDisk(disk.key, { pool })}
                options={[
                  ...(disk.kind === 'new' ? [{ value: '', label: 'The host’s first' }] : []),
                  ...pools.map((pool) => ({
                    value: pool.name,
                    label: `${pool.name}: ${formatBytes(pool.freeBytes)} free`,
                  })),
                ]}
              />
              {disk.kind === 'new' ? (
                <TextField
                  label={`Size of disk ${index + 2}`}
                  unit="GiB"
                  inputMode="decimal"
                  name={`disks[${index + 1}].capacityBytes`}
                  value={disk.size}
                  onChange={(size) => changeDisk(disk.key, { size })}
                  problem={problems.sizes?.[disk.key]}
                />
              ) : (
                <VolumeField
                  provider={draft.provider}
                  pool={disk.pool}
                  cdrom={disk.cdrom}
                  name={`disks[${index + 1}].volume`}
                  value={disk.volume}
                  onChange={(volume) => changeDisk(disk.key, { volume })}
                />
              )}
              <IconButton
                label={`Remove disk ${index + 2}`}
                onClick={() => set({ disks: draft.disks.filter((each) => each !== disk) })}
                className="mb-0.5"
              >
                <X aria-hidden className="size-4" />
              </IconButton>
            </li>
          ))}
        </ul>
      </Section>
      <Section
        title="Network"
        actions={
          <Button
            size="sm"
            icon={<Plus aria-hidden className="size-3.5" />}
            disabledReason={networks.length ? undefined : 'This host has no networks.'}
            onClick={() =>
              set({ nics: [...draft.nics, { key: randomKey(), network: networks[0]?.name ?? '', model: 'virtio' }] })
            }
          >
            Add a NIC
          </Button>
        }
      >
        {draft.nics.length === 0 && <p className="text-soft">None: nothing reaches it but its console.</p>}
        <ul className="flex flex-col gap-3">
          {draft.nics.map((nic, index) => (
            <li key={nic.key} className="grid grid-cols-[1fr_8rem_auto] items-end gap-3">
              <SelectField
                label="Network"
                name={`networks[${index}]`}
                value={nic.network}
                onChange={(network) => changeNIC(nic.key, { network })}
                options={networks.map((network) => ({
                  value: network.name,
                  label: [network.name, network.mode, network.cidr].filter(Boolean).join(' · '),
                }))}
              />
              <SelectField
                label="Model"
                value={nic.model}
                onChange={(model) => changeNIC(nic.key, { model })}
                options={['virtio', 'e1000', 'e1000e', 'rtl8139'].map((value) => ({ value, label: value }))}
              />
              <IconButton
                label={`Remove NIC ${index + 1}`}
                onClick={() => set({ nics: draft.nics.filter((each) => each !== nic) })}
                className="mb-0.5"
              >
                <X aria-hidden className="size-4" />
              </IconButton>
            </li>
          ))}
        </ul>
      </Section>
    </>
  )
}
