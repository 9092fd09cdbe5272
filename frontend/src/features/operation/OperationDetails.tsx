'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { OperationDetailsQuery } from '@/__generated__/OperationDetailsQuery.graphql'
import { sentence } from '@/lib/sentence'
import { formatDuration } from '@/lib/time'
import { formatCount } from '@/lib/units'
import { faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { useReading } from '@/relay/use-reading'
import { Age } from '@/ui/Age'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { CopyText } from '@/ui/Copy'
import { FaultNote } from '@/ui/FaultNote'
import { State } from '@/ui/State'
import { toastFault } from '@/ui/Toasts'
import { CancelOperation } from './CancelOperation'
import { OperationRow } from './OperationRow'
import { type OperationStatus, STATUS, stepLook } from './words'

const query = graphql`
  query OperationDetailsQuery($id: ID!) {
    operation(id: $id) {
      id
      status
      retryAt
      cancelRequested
      steps {
        name
        status
        attempts
        progress
        startedAt
        finishedAt
        error {
          message
          remedy
        }
      }
      error {
        code
        message
        remedy
        provider
        providerCode
        providerText
      }
      actions {
        name
        allowed
        reason
        remedy
      }
      childCounts {
        status
        count
      }
      children {
        id
        ...OperationRow_operation
      }
    }
  }
`

/** Everything about one operation, and what can be done about it. `alone`: without the row that it belongs to. */
export function OperationDetails({ id, alone }: { id: string; alone?: boolean }) {
  const { operation } = useReading<OperationDetailsQuery>(query, { id })
  const [open, setOpen] = useState<string | null>(null)
  if (!operation) return <p className="mb-3 ml-9 text-soft">It is no longer known.</p>
  return (
    <div className="mb-4 ml-9 flex max-w-3xl flex-col gap-3">
      {operation.error && <FaultNote fault={operation.error} quiet />}
      {operation.steps.length > 0 && (
        <ol className="flex flex-col gap-1">
          {operation.steps.map((step, index) => (
            <li key={`${index}-${step.name}`} className="grid grid-cols-[6rem_1fr_auto] items-baseline gap-x-3">
              <State {...stepLook(step.status, operation.status)} />
              <span className="min-w-0">
                {step.name}
                {step.attempts > 1 && <span className="text-soft"> · tried {step.attempts} times</span>}
                {step.error && step.error.message !== operation.error?.message && (
                  <span className="block text-xs text-soft">{sentence(step.error.message)}</span>
                )}
              </span>
              <span className="text-xs text-soft">
                {step.startedAt && step.finishedAt
                  ? formatDuration(Date.parse(step.finishedAt) - Date.parse(step.startedAt))
                  : step.progress != null && step.status === 'RUNNING'
                    ? `${Math.round(step.progress * 100)} %`
                    : ''}
              </span>
            </li>
          ))}
        </ol>
      )}
      {operation.retryAt && (
        <p className="text-soft">
          Tried again <Age of={operation.retryAt} />
        </p>
      )}
      {operation.children.length > 0 && (
        <>
          <p className="flex flex-wrap gap-x-4">
            {operation.childCounts.map(({ status, count }) => {
              const { tone, word } = STATUS[status as OperationStatus]
              return <State key={status} tone={tone} word={`${formatCount(count)} ${word.toLowerCase()}`} />
            })}
          </p>
          <ul className="border-t">
            {operation.children.map((child) => (
              <OperationRow
                key={child.id}
                operation={child}
                open={open === child.id}
                onOpen={(on) => setOpen(on ? child.id : null)}
              />
            ))}
          </ul>
        </>
      )}
      {alone && <CancelOperation operation={operation} what="this operation" />}
      <Actions operation={operation} />
      <p className="text-xs text-soft">
        <CopyText text={operation.id} what="operation id" mono />
      </p>
    </div>
  )
}

type Action = { readonly name: string; readonly allowed: boolean }
type ActionsProps = { operation: { id: string; cancelRequested: boolean; actions: readonly Action[] } }

function Actions({ operation: { id, cancelRequested, actions } }: ActionsProps) {
  const [giveUp, setGiveUp] = useState(false)
  const [retry, retrying] = useAction(graphql`
    mutation OperationDetailsRetryMutation($id: ID!) {
      retryOperation(input: { id: $id }) {
        operation {
          ...OperationDetails_changed @relay(mask: false)
        }
      }
    }
  `)
  const [abandon, abandoning] = useAction(graphql`
    mutation OperationDetailsAbandonMutation($id: ID!) {
      abandonOperation(input: { id: $id }) {
        operation {
          ...OperationDetails_changed @relay(mask: false)
        }
      }
    }
  `)
  const may = (name: string) => actions.some((action) => action.name === name && action.allowed)
  const tell = (cause: unknown) => toastFault(faultOf(cause).facts)
  if (cancelRequested && !may('cancel') && !may('retry'))
    return (
      <p className="text-soft">
        It was asked to stop. What it did is undone; what it asked the guest to do, the guest may still do.
      </p>
    )
  return (
    <div className="flex gap-2 empty:hidden">
      {may('retry') && (
        <Button size="sm" look="primary" busy={retrying} onClick={() => retry({ id }).catch(tell)}>
          Try to undo again
        </Button>
      )}
      {may('abandon') && (
        <Button size="sm" onClick={() => setGiveUp(true)}>
          Abandon
        </Button>
      )}
      {giveUp && (
        <ConfirmDialog
          title="Abandon this operation?"
          label="Abandon"
          danger
          busy={abandoning}
          onClose={() => setGiveUp(false)}
          onConfirm={() =>
            abandon({ id })
              .then(() => setGiveUp(false))
              .catch(tell)
          }
        >
          What it could not undo stays as it is, and others may act on the VM again.
        </ConfirmDialog>
      )}
    </div>
  )
}

graphql`
  fragment OperationDetails_changed on Operation {
    id
    status
    cancelRequested
    finishedAt
    actions {
      name
      allowed
      reason
      remedy
    }
  }
`
