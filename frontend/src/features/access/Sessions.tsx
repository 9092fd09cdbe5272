'use client'
import { useState } from 'react'
import { graphql, useFragment } from 'react-relay'
import type { Sessions_viewer$key } from '@/__generated__/Sessions_viewer.graphql'
import type { SessionsEndMutation } from '@/__generated__/SessionsEndMutation.graphql'
import { plural } from '@/lib/units'
import { type Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { Age } from '@/ui/Age'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Section } from '@/ui/page'
import { State } from '@/ui/State'
import { browserName } from './agent'

/** One of them, or all others. */
type Leaving = { id?: string; name: string; address?: string }

/** Where the viewer is signed in, whichever organisation they work for there. */
export function Sessions({ viewer, onChange }: { viewer: Sessions_viewer$key; onChange: () => void }) {
  const { sessions } = useFragment(
    graphql`
      fragment Sessions_viewer on Viewer {
        sessions {
          id
          current
          address
          agent
          issuer
          createdAt
          lastUsedAt
        }
      }
    `,
    viewer,
  )
  const [leaving, setLeaving] = useState<Leaving | null>(null)
  const others = sessions.filter(({ current }) => !current).length
  const done = () => {
    setLeaving(null)
    onChange()
  }
  return (
    <Section
      title="Sessions"
      note="The browsers that you are signed in with."
      actions={
        <Button
          size="sm"
          disabledReason={others ? undefined : 'There is no other.'}
          onClick={() => setLeaving({ name: plural(others, 'other session') })}
        >
          End all others
        </Button>
      }
    >
      <ul aria-label="Sessions">
        {sessions.map((session) => {
          const name = browserName(session.agent)
          return (
            <li
              key={session.id}
              className="flex min-h-14 items-center justify-between gap-x-6 border-b border-line/70 py-2 last:border-0"
            >
              <div className="min-w-0">
                <p className="flex flex-wrap items-center gap-x-3" title={session.agent}>
                  <span className="font-medium wrap-anywhere">{name}</span>
                  {session.current && <State tone="good" word="This one" className="text-xs" />}
                </p>
                <p className="text-xs text-soft wrap-anywhere">
                  {session.address} · {session.issuer ? `by ${session.issuer}` : 'by password'} · opened{' '}
                  <Age of={session.createdAt} /> · used <Age of={session.lastUsedAt} />
                </p>
              </div>
              {!session.current && (
                <Button
                  size="sm"
                  aria-label={`End ${name}, ${session.address}`}
                  onClick={() => setLeaving({ ...session, name })}
                >
                  End
                </Button>
              )}
            </li>
          )
        })}
      </ul>
      {leaving && <EndDialog leaving={leaving} onClose={() => setLeaving(null)} onDone={done} />}
    </Section>
  )
}

type EndProps = { leaving: Leaving; onClose: () => void; onDone: () => void }

function EndDialog({ leaving: { id, name, address }, onClose, onDone }: EndProps) {
  const [fault, setFault] = useState<Fault | null>(null)
  const [end, busy] = useAction<SessionsEndMutation>(graphql`
    mutation SessionsEndMutation($input: EndSessionsInput!) {
      endSessions(input: $input) {
        sessions {
          id
        }
      }
    }
  `)
  return (
    <ConfirmDialog
      title={id ? `End the session of ${name} at ${address}?` : `End ${name}?`}
      label="End"
      danger
      busy={busy}
      fault={fault?.facts}
      onClose={onClose}
      onConfirm={() =>
        end({ input: id ? { ids: [id] } : { others: true } })
          .then(onDone)
          .catch((cause) => setFault(faultOf(cause)))
      }
    >
      <p>
        What is open there ends within seconds, consoles included; what was begun goes on. API tokens stay, and so does
        this session.
      </p>
    </ConfirmDialog>
  )
}
