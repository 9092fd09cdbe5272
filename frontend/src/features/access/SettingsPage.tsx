'use client'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { SettingsPageQuery } from '@/__generated__/SettingsPageQuery.graphql'
import type { SettingsPageRevokeMutation } from '@/__generated__/SettingsPageRevokeMutation.graphql'
import { setTheme, type Theme, useTheme } from '@/lib/theme'
import { type Fault, faultOf } from '@/relay/fault'
import { signOut } from '@/relay/session'
import { useAction } from '@/relay/use-action'
import { useReading } from '@/relay/use-reading'
import { Age } from '@/ui/Age'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Choice } from '@/ui/fields'
import { Facts, PageBody, PageHeader, Section } from '@/ui/page'
import { CreateTokenDialog } from './CreateTokenDialog'
import { ROLE } from './roles'

/** What is yours: the theme, the keys for your programs. */
export function SettingsPage() {
  const [fetchKey, setFetchKey] = useState(0)
  const { viewer, about } = useReading<SettingsPageQuery>(
    graphql`
      query SettingsPageQuery {
        viewer {
          id
          name
          role
          tenant {
            name
          }
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
        about {
          version
          startedAt
        }
      }
    `,
    {},
    fetchKey,
  )
  const theme = useTheme()
  const [creating, setCreating] = useState(false)
  const [leaving, setLeaving] = useState<{ id: string; name: string } | null>(null)
  const again = () => setFetchKey(fetchKey + 1)
  return (
    <>
      <PageHeader title="Settings" />
      <PageBody narrow>
        <div className="flex flex-col gap-8">
          <Section
            title="You"
            actions={
              <Button size="sm" onClick={signOut}>
                Sign out
              </Button>
            }
          >
            <Facts
              items={[
                ['Name', viewer.name],
                ['May do', ROLE[viewer.role]],
                ['Organisation', viewer.tenant.name],
              ]}
            />
          </Section>
          <Section title="Appearance">
            <Choice
              label="Theme"
              value={theme}
              onChange={(next: Theme) => setTheme(next)}
              columns="grid-cols-3"
              options={[
                { value: 'system', label: 'System' },
                { value: 'light', label: 'Light' },
                { value: 'dark', label: 'Dark' },
              ]}
            />
          </Section>
          <Section
            title="API tokens"
            note="Keys for programs, sent as Authorization: Bearer …"
            actions={
              <Button size="sm" icon={<Plus aria-hidden className="size-3.5" />} onClick={() => setCreating(true)}>
                New token
              </Button>
            }
          >
            {viewer.apiTokens.length === 0 && <p className="text-soft">You have none.</p>}
            <ul aria-label="API tokens">
              {viewer.apiTokens.map((token) => (
                <li
                  key={token.id}
                  className="flex flex-wrap items-center justify-between gap-x-6 gap-y-1 border-b border-line/70 py-2.5 last:border-0"
                >
                  <div className="min-w-0">
                    <p>
                      <span className="font-medium">{token.name}</span>{' '}
                      <span className="font-mono text-xs text-soft">{token.prefix}…</span>
                    </p>
                    <p className="text-xs text-soft">
                      {token.role.toLowerCase()} · made <Age of={token.createdAt} /> ·{' '}
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
          </Section>
          <Section title="This installation">
            <Facts
              items={[
                ['Version', about.version],
                ['Started', <Age key="started" of={about.startedAt} />],
              ]}
            />
          </Section>
        </div>
      </PageBody>
      {creating && (
        <CreateTokenDialog
          role={viewer.role}
          onClose={() => {
            setCreating(false)
            again()
          }}
        />
      )}
      {leaving && (
        <RevokeDialog
          token={leaving}
          onClose={() => {
            setLeaving(null)
            again()
          }}
        />
      )}
    </>
  )
}

function expiry(expiresAt: string | null | undefined): string {
  if (!expiresAt) return 'never ends'
  const past = Date.parse(expiresAt) < Date.now()
  return `${past ? 'ended' : 'ends'} ${new Date(expiresAt).toLocaleDateString(undefined, { dateStyle: 'medium' })}`
}

function RevokeDialog({ token, onClose }: { token: { id: string; name: string }; onClose: () => void }) {
  const [fault, setFault] = useState<Fault | null>(null)
  const [revoke, busy] = useAction<SettingsPageRevokeMutation>(graphql`
    mutation SettingsPageRevokeMutation($id: ID!) {
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
