'use client'
import { graphql } from 'react-relay'
import type { CancelOperationMutation } from '@/__generated__/CancelOperationMutation.graphql'
import { faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { Button } from '@/ui/Button'
import { toastFault } from '@/ui/Toasts'

type Props = {
  operation: { readonly id: string; readonly actions: readonly { readonly name: string; readonly allowed: boolean }[] }
  /** What is canceled, for those who hear the page. */
  what: string
}

/** Stops an operation and undoes what it did; nothing is shown for one that cannot be stopped. */
export function CancelOperation({ operation: { id, actions }, what }: Props) {
  const [cancel, busy] = useAction<CancelOperationMutation>(graphql`
    mutation CancelOperationMutation($id: ID!) {
      cancelOperation(input: { id: $id }) {
        operation {
          ...OperationDetails_changed @relay(mask: false)
        }
      }
    }
  `)
  if (!actions.some((action) => action.name === 'cancel' && action.allowed)) return null
  return (
    <Button
      size="sm"
      className="shrink-0"
      aria-label={`Cancel: ${what}`}
      busy={busy}
      onClick={() => cancel({ id }).catch((cause) => toastFault(faultOf(cause).facts))}
    >
      Cancel
    </Button>
  )
}
