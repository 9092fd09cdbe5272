'use client'
import Link from 'next/link'
import { graphql } from 'react-relay'
import type { OperationWatcherSubscription } from '@/__generated__/OperationWatcherSubscription.graphql'
import { paths } from '@/lib/paths'
import { beat, takeOwn } from '@/relay/own-operations'
import { useLive } from '@/relay/use-live'
import { toastFault } from '@/ui/Toasts'

const subscription = graphql`
  subscription OperationWatcherSubscription($after: EventCursor) {
    operationEvents(after: $after) {
      cursor
      missed
      operations {
        id
        status
        progress
        note
        finishedAt
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
      }
    }
  }
`
const everything = {}

/** Keeps every operation in the store as it is, and says when one that this tab began has failed. */
export function OperationWatcher() {
  useLive<OperationWatcherSubscription>(subscription, everything, {
    missed: beat,
    next: ({ operationEvents }) => {
      beat()
      for (const { id, status, error } of operationEvents.operations) {
        if (status === 'SUCCEEDED' || status === 'CANCELED') takeOwn(id)
        if (status !== 'FAILED' && status !== 'STUCK') continue
        const what = takeOwn(id)
        if (!what) continue
        const link = (
          <Link href={paths.operations(id)} className="text-xs underline">
            See the operation
          </Link>
        )
        toastFault(
          error ?? { message: 'It failed without saying why.' },
          `${what}: ${status === 'STUCK' ? 'stuck' : 'failed'}`,
          link,
        )
      }
    },
  })
  return null
}
