'use client'
import { useCallback } from 'react'
import { fetchQuery, graphql, useRelayEnvironment } from 'react-relay'
import { commitMutation, type GraphQLTaggedNode, type MutationParameters } from 'relay-runtime'
import { faultOf, faultOfGraphQL } from '@/relay/fault'
import { follow } from '@/relay/own-operations'
import { toastFault } from '@/ui/Toasts'
import { VERBS, type VerbName } from './verbs'

graphql`
  fragment vmPower_operation on Operation {
    id
    kind
    status
    progress
    note
    steps {
      name
      status
    }
    targetName
    actions {
      name
      allowed
      reason
      remedy
    }
    target {
      ... on VM {
        id
        status
        activeOperation {
          id
        }
      }
    }
  }
`

const MUTATIONS: Partial<Record<VerbName, GraphQLTaggedNode>> = {
  startVM: graphql`mutation vmPowerStartMutation($id: ID!) { done: startVM(input: { id: $id }) { operation { ...vmPower_operation @relay(mask: false) } } }`,
  resumeVM: graphql`mutation vmPowerResumeMutation($id: ID!) { done: resumeVM(input: { id: $id }) { operation { ...vmPower_operation @relay(mask: false) } } }`,
  shutdownVM: graphql`mutation vmPowerShutdownMutation($id: ID!) { done: shutdownVM(input: { id: $id }) { operation { ...vmPower_operation @relay(mask: false) } } }`,
  rebootVM: graphql`mutation vmPowerRebootMutation($id: ID!) { done: rebootVM(input: { id: $id }) { operation { ...vmPower_operation @relay(mask: false) } } }`,
  pauseVM: graphql`mutation vmPowerPauseMutation($id: ID!) { done: pauseVM(input: { id: $id }) { operation { ...vmPower_operation @relay(mask: false) } } }`,
  suspendVM: graphql`mutation vmPowerSuspendMutation($id: ID!) { done: suspendVM(input: { id: $id }) { operation { ...vmPower_operation @relay(mask: false) } } }`,
  powerOffVM: graphql`mutation vmPowerPowerOffMutation($id: ID!) { done: powerOffVM(input: { id: $id }) { operation { ...vmPower_operation @relay(mask: false) } } }`,
  resetVM: graphql`mutation vmPowerResetMutation($id: ID!) { done: resetVM(input: { id: $id }) { operation { ...vmPower_operation @relay(mask: false) } } }`,
  adoptVM: graphql`mutation vmPowerAdoptMutation($id: ID!) { done: adoptVM(input: { id: $id }) { vm { id management actions { name allowed reason remedy } } } }`,
  releaseVM: graphql`mutation vmPowerReleaseMutation($id: ID!) { done: releaseVM(input: { id: $id }) { vm { id management actions { name allowed reason remedy } } } }`,
}

const fresh = graphql`
  query vmPowerActionsQuery($id: ID!) {
    vm(id: $id) {
      id
      status
      version
      actions {
        name
        allowed
        reason
        remedy
      }
    }
  }
`

type Done = { done: { operation?: { id: string } } }

/** Does a verb: the VM shows the way at once, and goes back with the error when it is refused. */
export function usePower() {
  const environment = useRelayEnvironment()
  return useCallback(
    (name: VerbName, vm: { id: string; name: string }) => {
      const verb = VERBS.find((each) => each.name === name)
      const mutation = MUTATIONS[name]
      if (!verb || !mutation) throw new Error(`${name} is no verb of one step`)
      commitMutation<MutationParameters & { response: Done }>(environment, {
        mutation,
        variables: { id: vm.id },
        optimisticUpdater: (store) => {
          if (verb.towards) store.get(vm.id)?.setValue(verb.towards, 'status')
        },
        onCompleted: (data, errors) => {
          if (errors?.[0]) return toastFault(faultOfGraphQL(errors[0]).facts, `${verb.label} ${vm.name}`)
          if (data.done.operation) follow(data.done.operation.id, `${verb.label} ${vm.name}`)
          fetchQuery(environment, fresh, { id: vm.id }).subscribe({})
        },
        onError: (error) => toastFault(faultOf(error).facts, `${verb.label} ${vm.name}`),
      })
    },
    [environment],
  )
}
