'use client'
import { useState } from 'react'
import type { GraphQLTaggedNode, MutationParameters } from 'relay-runtime'
import { type Fault, faultOf } from '@/relay/fault'
import { follow } from '@/relay/own-operations'
import { useAction } from '@/relay/use-action'

type WithOperation = { [field: string]: { operation?: { id: string } | null } }

/** A mutation that a dialog sends: it closes when the operation has begun, and shows the fault when it has not. */
export function useVerb<T extends MutationParameters>(mutation: GraphQLTaggedNode, what: string, onDone: () => void) {
  const [send, busy] = useAction<T>(mutation)
  const [fault, setFault] = useState<Fault | null>(null)
  const run = (variables: T['variables']) => {
    send(variables)
      .then((data) => {
        const [payload] = Object.values(data as WithOperation)
        if (payload?.operation) follow(payload.operation.id, what)
        onDone()
      })
      .catch((cause) => setFault(faultOf(cause)))
  }
  return { run, busy, fault: fault?.facts ?? null }
}
