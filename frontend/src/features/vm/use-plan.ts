'use client'
import { useEffect, useState } from 'react'
import { fetchQuery, graphql, useRelayEnvironment } from 'react-relay'
import type { UpdateVMInput, usePlanQuery } from '@/__generated__/usePlanQuery.graphql'
import { type Fault, faultOf } from '@/relay/fault'

type Plan = usePlanQuery['response']['planUpdateVM']
type Told = { for: UpdateVMInput | null; plan: Plan | null; fault: Fault | null }

const PAUSE = 300

/** What the server says a change would mean, asked anew after each pause in typing. */
export function usePlan(input: UpdateVMInput | null) {
  const environment = useRelayEnvironment()
  const [told, setTold] = useState<Told>({ for: null, plan: null, fault: null })
  useEffect(() => {
    if (!input) return
    let asking: { unsubscribe: () => void } | undefined
    const timer = setTimeout(() => {
      asking = fetchQuery<usePlanQuery>(
        environment,
        graphql`
          query usePlanQuery($input: UpdateVMInput!) {
            planUpdateVM(input: $input) {
              version
              impact
              changes {
                field
                current
                wanted
                impact
                reason
              }
            }
          }
        `,
        { input },
      ).subscribe({
        next: ({ planUpdateVM }) => setTold({ for: input, plan: planUpdateVM, fault: null }),
        error: (cause: unknown) => setTold({ for: input, plan: null, fault: faultOf(cause) }),
      })
    }, PAUSE)
    return () => {
      clearTimeout(timer)
      asking?.unsubscribe()
    }
  }, [environment, input])
  if (!input) return { plan: null, fault: null, planning: false }
  return {
    plan: told.plan,
    fault: told.for === input ? (told.fault?.facts ?? null) : null,
    planning: told.for !== input,
  }
}
