import { graphql, useFragment } from 'react-relay'
import type { VMState_vm$key } from '@/__generated__/VMState_vm.graphql'
import { sentence } from '@/lib/sentence'
import { Age } from '@/ui/Age'
import { State } from '@/ui/State'
import { Tip } from '@/ui/Tip'
import { statusLook } from './status'

/** How a VM stands: the house's word, the reason and the provider's own word on hover. */
export function VMState({ vm: ref, focusable }: { vm: VMState_vm$key; focusable?: boolean }) {
  const vm = useFragment(
    graphql`
      fragment VMState_vm on VM {
        status
        observedStatus
        statusReason
        providerState
        stale
        asOf
        activeOperation {
          id
          kind
        }
      }
    `,
    ref,
  )
  const { tone, word } = statusLook(vm.status, vm.activeOperation?.kind)
  const state = (
    <span className="inline-flex items-baseline gap-1.5 whitespace-nowrap">
      <State tone={tone} word={word} />
      {vm.status === 'UNKNOWN' && vm.observedStatus !== 'UNKNOWN' && (
        <span className="text-2xs text-soft">was {statusLook(vm.observedStatus).word.toLowerCase()}</span>
      )}
    </span>
  )
  return (
    <Tip
      text={
        <>
          {vm.statusReason && <span className="block">{sentence(vm.statusReason)}</span>}
          <span className="block">
            {vm.providerState ? `The provider says “${vm.providerState}”` : 'The provider has not said anything yet'},{' '}
            <Age of={vm.asOf} />
          </span>
        </>
      }
    >
      {focusable ? (
        <button type="button" className="rounded-sm">
          {state}
        </button>
      ) : (
        <span>{state}</span>
      )}
    </Tip>
  )
}
