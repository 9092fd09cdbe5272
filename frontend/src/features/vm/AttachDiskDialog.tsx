'use client'
import { Suspense, useState } from 'react'
import { graphql } from 'react-relay'
import type { AttachDiskDialogMutation } from '@/__generated__/AttachDiskDialogMutation.graphql'
import type { AttachDiskDialogQuery } from '@/__generated__/AttachDiskDialogQuery.graphql'
import { formatBytes, parseSize, sizeProblem } from '@/lib/units'
import { useReading } from '@/relay/use-reading'
import { Button } from '@/ui/Button'
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog'
import { Form } from '@/ui/Form'
import { Check, Choice, SelectField, TextField } from '@/ui/fields'
import { Bone } from '@/ui/page'
import { useVerb } from './use-verb'
import type { Subject } from './VMActions'

type Props = { vm: Subject; provider: string; onClose: () => void }

/** A new empty disk, or a volume that lies in a pool of the host already. */
export function AttachDiskDialog(props: Props) {
  return (
    <Dialog open onClose={props.onClose} title={`Attach a disk to ${props.vm.name}`}>
      <Suspense fallback={<Bone className="m-5 h-48" />}>
        <Fields {...props} />
      </Suspense>
    </Dialog>
  )
}

function Fields({ vm, provider, onClose }: Props) {
  const { hypervisorHosts } = useReading<AttachDiskDialogQuery>(
    graphql`
      query AttachDiskDialogQuery($provider: ID!) {
        hypervisorHosts(provider: $provider) {
          id
          storagePools {
            name
            active
            freeBytes
            volumes {
              name
              format
              capacityBytes
            }
          }
        }
      }
    `,
    { provider },
  )
  const pools = hypervisorHosts.flatMap((host) => host.storagePools).filter((pool) => pool.active)
  const [kind, setKind] = useState<'new' | 'volume'>('new')
  const [size, setSize] = useState('20')
  const [poolName, setPool] = useState('')
  const [volumeName, setVolume] = useState('')
  const [bus, setBus] = useState('virtio')
  const [cdrom, setCdrom] = useState(false)
  const pool = pools.find((each) => each.name === poolName) ?? pools[0]
  const volume = pool?.volumes?.find((each) => each.name === volumeName) ?? pool?.volumes?.[0]
  const capacityBytes = parseSize(size)
  const badSize = kind === 'new' ? sizeProblem(size) : undefined
  const { run, busy, fault } = useVerb<AttachDiskDialogMutation>(
    graphql`
      mutation AttachDiskDialogMutation($input: AttachDiskInput!) {
        attachDisk(input: $input) {
          operation {
            ...vmPower_operation @relay(mask: false)
          }
        }
      }
    `,
    `Attach a disk to ${vm.name}`,
    onClose,
  )
  const submit = () => {
    const disk =
      kind === 'new'
        ? {
            pool: pool?.name,
            capacityBytes,
            bus,
            clone: 'COPY_ON_WRITE' as const,
            format: 'qcow2',
            readOnly: false,
            cdrom: false,
          }
        : {
            volume: { pool: pool?.name ?? '', name: volume?.name ?? '' },
            bus: cdrom ? 'sata' : bus,
            format: volume?.format ?? 'qcow2',
            clone: 'COPY_ON_WRITE' as const,
            readOnly: cdrom,
            cdrom,
          }
    run({ input: { vm: vm.id, disk } })
  }
  const reason = kind === 'volume' && !volume ? 'This pool has no volumes.' : badSize
  return (
    <Form fault={fault} onSubmit={() => !reason && submit()} label="Attach a disk" className="contents">
      <DialogBody>
        <Choice
          label="What"
          value={kind}
          onChange={setKind}
          columns="grid-cols-2"
          options={[
            { value: 'new', label: 'A new disk', hint: 'Empty.' },
            { value: 'volume', label: 'A volume', hint: 'Of a pool, used itself.' },
          ]}
        />
        <SelectField
          label="Pool"
          name="disk.pool"
          value={pool?.name ?? ''}
          onChange={setPool}
          options={pools.map((each) => ({
            value: each.name,
            label: `${each.name}: ${formatBytes(each.freeBytes)} free`,
          }))}
        />
        {kind === 'new' ? (
          <TextField
            label="Size"
            name="disk.capacityBytes"
            value={size}
            onChange={setSize}
            problem={badSize}
            unit="GiB"
            inputMode="decimal"
          />
        ) : (
          <>
            <SelectField
              label="Volume"
              name="disk.volume"
              value={volume?.name ?? ''}
              onChange={setVolume}
              options={(pool?.volumes ?? []).map((each) => ({
                value: each.name,
                label: `${each.name} (${formatBytes(each.capacityBytes)})`,
              }))}
            />
            <Check label="As a CD-ROM drive" checked={cdrom} onChange={setCdrom} />
          </>
        )}
        <SelectField
          label="Bus"
          name="disk.bus"
          value={cdrom && kind === 'volume' ? 'sata' : bus}
          onChange={setBus}
          disabled={cdrom && kind === 'volume'}
          options={['virtio', 'scsi', 'sata'].map((value) => ({ value, label: value }))}
        />
      </DialogBody>
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" look="primary" busy={busy} disabledReason={reason}>
          Attach
        </Button>
      </DialogActions>
    </Form>
  )
}
