'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { RemoveFailedDialogMutation } from '@/__generated__/RemoveFailedDialogMutation.graphql'
import { plural } from '@/lib/units'
import { type Fault, faultOf } from '@/relay/fault'
import { follow } from '@/relay/own-operations'
import { useAction } from '@/relay/use-action'
import { ConfirmDialog } from '@/ui/ConfirmDialog'

type Props = { images: readonly { id: string; name: string; provider: { name: string } }[]; onClose: () => void }

/** Takes all that could not be brought from the list. */
export function RemoveFailedDialog({ images, onClose }: Props) {
  const [fault, setFault] = useState<Fault | null>(null)
  const [send, busy] = useAction<RemoveFailedDialogMutation>(graphql`
    mutation RemoveFailedDialogMutation($id: ID!) {
      deleteImage(input: { id: $id, deleteVolume: false }) {
        operation {
          id
        }
      }
    }
  `)
  const confirm = async () => {
    try {
      for (const { id, name } of images) follow((await send({ id })).deleteImage.operation.id, `Remove ${name}`)
      onClose()
    } catch (cause) {
      setFault(faultOf(cause))
    }
  }
  return (
    <ConfirmDialog
      title={`Remove ${plural(images.length, 'failed image')} from the list?`}
      label="Remove"
      danger
      busy={busy}
      disabledReason={images.length > 0 ? undefined : 'There is none any more.'}
      fault={fault?.facts}
      onClose={onClose}
      onConfirm={confirm}
    >
      <ul className="text-ink">
        {images.map(({ id, name, provider }) => (
          <li key={id} className="wrap-anywhere">
            {name} <span className="text-soft">on {provider.name}</span>
          </li>
        ))}
      </ul>
      <p>They could not be brought: there are no volumes of them to delete.</p>
    </ConfirmDialog>
  )
}
