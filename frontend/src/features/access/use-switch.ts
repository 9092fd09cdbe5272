'use client'
import { graphql } from 'react-relay'
import type { useSwitchMutation } from '@/__generated__/useSwitchMutation.graphql'
import { paths } from '@/lib/paths'
import { faultOf } from '@/relay/fault'
import { beginAnew, tellSwitched, wipe } from '@/relay/session'
import { useAction } from '@/relay/use-action'
import { toastFault } from '@/ui/Toasts'

/** Goes to another organisation, in every tab: all that was read is another's, so each begins anew. */
export function useSwitch() {
  const [run, busy] = useAction<useSwitchMutation>(graphql`
    mutation useSwitchMutation($id: ID!) {
      switchOrganisation(input: { id: $id }) {
        tenant {
          id
        }
      }
    }
  `)
  const go = ({ id, name }: { readonly id: string; readonly name: string }) =>
    run({ id }).then(
      () => {
        wipe()
        tellSwitched()
        beginAnew(paths.home())
      },
      (cause) => toastFault(faultOf(cause).facts, `You could not go to ${name}`),
    )
  return [go, busy] as const
}
