'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { DetachDiskDialogMutation } from '@/__generated__/DetachDiskDialogMutation.graphql'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Notice } from '@/ui/FaultNote'
import { Choice } from '@/ui/fields'
import { useVerb } from './use-verb'
import type { Subject } from './VMActions'

type Props = { vm: Subject; disk: { name: string; volume: string }; boots: boolean; onClose: () => void }

export function DetachDiskDialog({ vm, disk, boots, onClose }: Props) {
  const [fate, setFate] = useState<'KEEP' | 'DELETE'>('KEEP')
  const { run, busy, fault } = useVerb<DetachDiskDialogMutation>(
    graphql`
      mutation DetachDiskDialogMutation($input: DetachDiskInput!) {
        detachDisk(input: $input) {
          operation {
            ...vmPower_operation @relay(mask: false)
          }
        }
      }
    `,
    `Detach ${disk.name} from ${vm.name}`,
    onClose,
  )
  return (
    <ConfirmDialog
      title={`Detach ${disk.name} from ${vm.name}?`}
      label={fate === 'DELETE' ? 'Detach and delete' : 'Detach'}
      danger
      typed={fate === 'DELETE' ? disk.name : undefined}
      busy={busy}
      fault={fault}
      onClose={onClose}
      onConfirm={() => run({ input: { vm: vm.id, name: disk.name, fate } })}
    >
      {boots && (
        <Notice tone="warn">
          <p className="text-ink">{vm.name} boots from it: without it, it does not start again.</p>
        </Notice>
      )}
      <p>Unmount it in the guest first: what is not written yet is lost.</p>
      <Choice
        label="Its volume"
        value={fate}
        onChange={setFate}
        columns="grid-cols-2"
        options={[
          { value: 'KEEP', label: 'Keep', hint: 'It can be attached again.' },
          { value: 'DELETE', label: 'Delete', hint: 'Its content is gone.' },
        ]}
      />
    </ConfirmDialog>
  )
}
