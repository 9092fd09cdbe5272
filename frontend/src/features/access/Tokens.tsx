'use client'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { graphql, useFragment } from 'react-relay'
import type { Tokens_viewer$key } from '@/__generated__/Tokens_viewer.graphql'
import type { TokensRevokeMutation } from '@/__generated__/TokensRevokeMutation.graphql'
import { ROLE_NAME } from '@/lib/roles'
import { formatDay } from '@/lib/time'
import { type Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { Age } from '@/ui/Age'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Section } from '@/ui/page'
import { CreateTokenDialog } from './CreateTokenDialog'

/** The keys for the viewer’s programs. */
export function Tokens({ viewer, onChange }: { viewer: Tokens_viewer$key; onChange: () => void }) {
  const { role, apiTokens } = useFragment(
    graphql`
      fragment Tokens_viewer on Viewer {
        role
        apiTokens {
          id
          name
          prefix
          role
          createdAt
          expiresAt
          lastUsedAt
        }
      }
    `,
    viewer,
  )
  const [creating, setCreating] = useState(false)
  const [leaving, setLeaving] = useState<{ id: string; name: string } | null>(null)
  const done = () => {
    setCreating(false)
    setLeaving(null)
    onChange()
  }
  return (
    <Section
      title="API tokens"
      note="Keys for programs, sent as Authorization: Bearer …"
      actions={
        <Button size="sm" icon={<Plus aria-hidden className="size-3.5" />} onClick={() => setCreating(true)}>
          New token
        </Button>
      }
    >
      {apiTokens.length === 0 && <p className="text-soft">You have none.</p>}
      <ul aria-label="API tokens">
        {apiTokens.map((token) => (
          <li
            key={token.id}
            className="flex items-center justify-between gap-x-6 border-b border-line/70 py-2.5 last:border-0"
          >
            <div className="min-w-0">
              <p className="wrap-anywhere">
                <span className="font-medium">{token.name}</span>{' '}
                <span className="font-mono text-xs text-soft">{token.prefix}…</span>
              </p>
              <p className="text-xs text-soft">
                {ROLE_NAME[token.role].toLowerCase()} · made <Age of={token.createdAt} /> ·{' '}
                {token.lastUsedAt ? (
                  <>
                    used <Age of={token.lastUsedAt} />
                  </>
                ) : (
                  'never used'
                )}{' '}
                · {expiry(token.expiresAt)}
              </p>
            </div>
            <Button size="sm" aria-label={`Revoke ${token.name}`} onClick={() => setLeaving(token)}>
              Revoke
            </Button>
          </li>
        ))}
      </ul>
      {creating && <CreateTokenDialog own={role} onClose={done} />}
      {leaving && <RevokeDialog token={leaving} onClose={done} />}
    </Section>
  )
}

function expiry(expiresAt: string | null | undefined): string {
  if (!expiresAt) return 'never ends'
  return `${Date.parse(expiresAt) < Date.now() ? 'ended' : 'ends'} ${formatDay(expiresAt)}`
}

function RevokeDialog({ token, onClose }: { token: { id: string; name: string }; onClose: () => void }) {
  const [fault, setFault] = useState<Fault | null>(null)
  const [revoke, busy] = useAction<TokensRevokeMutation>(graphql`
    mutation TokensRevokeMutation($id: ID!) {
      revokeAPIToken(input: { id: $id }) {
        id
      }
    }
  `)
  return (
    <ConfirmDialog
      title={`Revoke ${token.name}?`}
      label="Revoke"
      danger
      busy={busy}
      fault={fault?.facts}
      onClose={onClose}
      onConfirm={() =>
        revoke({ id: token.id })
          .then(onClose)
          .catch((cause) => setFault(faultOf(cause)))
      }
    >
      Programs that use it are refused from now on.
    </ConfirmDialog>
  )
}
