'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { DeleteImageDialogMutation } from '@/__generated__/DeleteImageDialogMutation.graphql'
import { type Fault, faultOf } from '@/relay/fault'
import { follow } from '@/relay/own-operations'
import { useAction } from '@/relay/use-action'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Check } from '@/ui/fields'

type Props = { image: { id: string; name: string; volume: string; status: string }; onClose: () => void }

export function DeleteImageDialog({ image, onClose }: Props) {
  // What could not be brought left no volume behind.
  const made = image.status !== 'FAILED'
  const [deleteVolume, setDeleteVolume] = useState(made)
  const [fault, setFault] = useState<Fault | null>(null)
  const [send, busy] = useAction<DeleteImageDialogMutation>(graphql`
    mutation DeleteImageDialogMutation($input: DeleteImageInput!) {
      deleteImage(input: $input) {
        operation {
          id
        }
      }
    }
  `)
  const confirm = () =>
    send({ input: { id: image.id, deleteVolume } })
      .then(({ deleteImage }) => {
        follow(deleteImage.operation.id, `Delete the image ${image.name}`)
        onClose()
      })
      .catch((cause) => setFault(faultOf(cause)))
  return (
    <ConfirmDialog
      title={made ? `Delete the image ${image.name}?` : `Remove ${image.name} from the list?`}
      label={made ? (deleteVolume ? 'Delete' : 'Forget') : 'Remove'}
      danger
      busy={busy}
      fault={fault?.facts}
      onClose={onClose}
      onConfirm={confirm}
    >
      {made ? (
        <>
          <p>VMs can no longer be made from it.</p>
          <Check
            label="Delete its volume too"
            hint={`${image.volume}. Not possible while disks of VMs are overlays of it.`}
            checked={deleteVolume}
            onChange={setDeleteVolume}
          />
        </>
      ) : (
        <p>It could not be brought: there is no volume of it to delete.</p>
      )}
    </ConfirmDialog>
  )
}
