'use client'
import { useRouter } from 'next/navigation'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { RemoveHostDialogMutation } from '@/__generated__/RemoveHostDialogMutation.graphql'
import { paths } from '@/lib/paths'
import { plural } from '@/lib/units'
import { type Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { ConfirmDialog } from '@/ui/ConfirmDialog'

type Props = { provider: { id: string; name: string }; vmCount: number; onClose: () => void }

export function RemoveHostDialog({ provider, vmCount, onClose }: Props) {
  const router = useRouter()
  const [fault, setFault] = useState<Fault | null>(null)
  const [send, busy] = useAction<RemoveHostDialogMutation>(graphql`
    mutation RemoveHostDialogMutation($id: ID!) {
      removeProvider(input: { id: $id }) {
        id
      }
    }
  `)
  const confirm = () =>
    send({ id: provider.id })
      .then(() => router.push(paths.hosts()))
      .catch((cause) => setFault(faultOf(cause)))
  return (
    <ConfirmDialog
      title={`Remove ${provider.name}?`}
      label="Remove"
      danger
      typed={provider.name}
      busy={busy}
      fault={fault?.facts}
      onClose={onClose}
      onConfirm={confirm}
    >
      NovaCron forgets the connection, its credentials and what it knows of {plural(vmCount, 'VM')} there. The VMs
      themselves run on untouched.
    </ConfirmDialog>
  )
}
