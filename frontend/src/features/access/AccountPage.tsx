'use client'
import Link from 'next/link'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { AccountPageQuery } from '@/__generated__/AccountPageQuery.graphql'
import { paths } from '@/lib/paths'
import { ROLE_NAME, ROLE_TELLS } from '@/lib/roles'
import { signOut } from '@/relay/session'
import { useReading } from '@/relay/use-reading'
import { Button } from '@/ui/Button'
import { Facts, PageBody, PageHeader, Section } from '@/ui/page'
import { Organisations } from './Organisations'
import { Sessions } from './Sessions'
import { Tokens } from './Tokens'

/** Who the viewer is, where they are signed in, and the keys for their programs. */
export function AccountPage() {
  const [fetchKey, setFetchKey] = useState(0)
  const { viewer } = useReading<AccountPageQuery>(
    graphql`
      query AccountPageQuery {
        viewer {
          id
          name
          fullName
          email
          role
          platformAdmin
          tenant {
            name
          }
          ...Organisations_viewer
          ...Sessions_viewer
          ...Tokens_viewer
        }
      }
    `,
    {},
    fetchKey,
  )
  const again = () => setFetchKey(fetchKey + 1)
  const role = ROLE_TELLS[viewer.role]
  return (
    <>
      <PageHeader
        title="Your account"
        crumbs={
          <>
            <Link href={paths.settings()} className="hover:underline">
              Settings
            </Link>{' '}
            /
          </>
        }
        note={`${viewer.fullName || viewer.name} at ${viewer.tenant.name}.`}
      />
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
                ['Sign-in name', viewer.name],
                ['Full name', viewer.fullName || <Untold key="fullName" />],
                ['E-mail', viewer.email || <Untold key="email" />],
                ['Organisation', viewer.tenant.name],
                ['Role', `${ROLE_NAME[viewer.role]}: ${role.charAt(0).toLowerCase()}${role.slice(1)}`],
                ...(viewer.platformAdmin
                  ? ([
                      ['Also', 'Platform administrator: looks after this installation, its issuers and organisations'],
                    ] as [string, string][])
                  : []),
              ]}
            />
          </Section>
          <Organisations viewer={viewer} />
          <Sessions viewer={viewer} onChange={again} />
          <Tokens viewer={viewer} onChange={again} />
        </div>
      </PageBody>
    </>
  )
}

const Untold = () => <span className="text-faint">not told by an issuer</span>
