'use client'
import { useCallback, useState } from 'react'
import { useRelayEnvironment } from 'react-relay'
import { commitMutation, type GraphQLTaggedNode, type MutationConfig, type MutationParameters } from 'relay-runtime'
import { faultOf, faultOfGraphQL } from './fault'

type Extras<T extends MutationParameters> = Pick<MutationConfig<T>, 'updater' | 'optimisticUpdater'>

/** A mutation as a promise that gives its data or throws a Fault; `busy` while it is on its way. */
export function useAction<T extends MutationParameters>(mutation: GraphQLTaggedNode) {
  const environment = useRelayEnvironment()
  const [busy, setBusy] = useState(false)
  const run = useCallback(
    (variables: T['variables'], extras?: Extras<T>) => {
      setBusy(true)
      return new Promise<T['response']>((resolve, reject) => {
        commitMutation<T>(environment, {
          mutation,
          variables,
          ...extras,
          onCompleted: (data, errors) => (errors?.[0] ? reject(faultOfGraphQL(errors[0])) : resolve(data)),
          onError: (error) => reject(faultOf(error)),
        })
      }).finally(() => setBusy(false))
    },
    [environment, mutation],
  )
  return [run, busy] as const
}
