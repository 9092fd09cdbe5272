'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { DeleteVMDialogMutation } from '@/__generated__/DeleteVMDialogMutation.graphql'
import type { DeleteVMDialogQuery } from '@/__generated__/DeleteVMDialogQuery.graphql'
import { formatBytes, plural } from '@/lib/units'
import { type Fault, faultOf } from '@/relay/fault'
import { follow } from '@/relay/own-operations'
import { useAction } from '@/relay/use-action'
import { useReading } from '@/relay/use-reading'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Notice } from '@/ui/FaultNote'
import { Check } from '@/ui/fields'
import { statusLook } from './status'
import type { Subject } from './VMActions'

/** Removes a VM: what becomes of each disk, of its snapshots, and of a guest that runs. */
export function DeleteVMDialog({ vm: subject, onClose }: { vm: Subject; onClose: () => void }) {
  const { vm } = useReading<DeleteVMDialogQuery>(
    graphql`
      query DeleteVMDialogQuery($id: ID!) {
        vm(id: $id) {
          id
          name
          status
          configuration {
            disks {
              name
              device
              volume
              pool
              path
              capacityBytes
              usedBytes
              seed
            }
          }
          snapshots {
            name
          }
        }
      }
    `,
    { id: subject.id },
  )
  const [remove, run] = useRemove()
  const disks = (vm?.configuration.disks ?? []).filter((disk) => disk.path !== '')
  // An ISO in a drive is somebody's; unless said otherwise it stays.
  const lent = disks.filter((disk) => disk.device !== 'disk' && !disk.seed).map((disk) => disk.name)
  const [chosen, setKept] = useState<readonly string[] | null>(null)
  const kept = chosen ?? lent
  const snapshots = vm?.snapshots?.length ?? 0
  const off = vm?.status === 'STOPPED' || vm?.status === 'SUSPENDED' || vm?.status === 'ERROR'
  const gone = disks.filter((disk) => !kept.includes(disk.name))
  if (!vm) return null
  return (
    <ConfirmDialog
      title={`Delete ${vm.name}?`}
      label="Delete"
      danger
      typed={vm.name}
      busy={remove.busy}
      fault={remove.fault?.facts}
      onClose={onClose}
      onConfirm={() =>
        run(
          vm,
          { disks: gone.map(({ name }) => ({ name, fate: 'DELETE' as const })), snapshots: snapshots > 0, force: !off },
          onClose,
        )
      }
    >
      {!off && (
        <Notice tone="warn">
          <p className="text-ink">
            It is {statusLook(vm.status).word.toLowerCase()}. It will be forced off first: what the guest has not
            written is lost.
          </p>
        </Notice>
      )}
      {snapshots > 0 && <p>{plural(snapshots, 'snapshot')} will be deleted with it.</p>}
      {disks.length > 0 && (
        <fieldset className="flex flex-col gap-2 text-ink">
          <legend className="mb-1 text-xs font-medium text-soft">
            Disks to delete with it; the others stay in their pools
          </legend>
          {disks.map((disk) => (
            <Check
              key={disk.name}
              label={
                <>
                  {disk.name}{' '}
                  <span className="text-soft">{disk.seed ? 'cloud-init seed' : formatBytes(disk.capacityBytes)}</span>
                </>
              }
              hint={disk.volume ? `${disk.volume} in ${disk.pool}` : disk.path}
              checked={!kept.includes(disk.name)}
              onChange={(on) => setKept(on ? kept.filter((name) => name !== disk.name) : [...kept, disk.name])}
            />
          ))}
        </fieldset>
      )}
    </ConfirmDialog>
  )
}

type Fates = { disks: { name: string; fate: 'DELETE' | 'KEEP' }[]; snapshots: boolean; force: boolean }

function useRemove() {
  const [send, busy] = useAction<DeleteVMDialogMutation>(graphql`
    mutation DeleteVMDialogMutation($input: DeleteVMInput!) {
      deleteVM(input: $input) {
        operation {
          ...vmPower_operation @relay(mask: false)
        }
      }
    }
  `)
  const [fault, setFault] = useState<Fault | null>(null)
  const run = (vm: Subject, fates: Fates, done: () => void) => {
    send({ input: { id: vm.id, ...fates } })
      .then(({ deleteVM }) => {
        follow(deleteVM.operation.id, `Delete ${vm.name}`)
        done()
      })
      .catch((cause) => setFault(faultOf(cause)))
  }
  return [{ busy, fault }, run] as const
}
