import type { ReactNode } from 'react'
import { DEEDS } from '@/lib/deeds'
import { Facts } from '@/ui/page'

const GROUPS = [...new Set(Object.values(DEEDS).map(({ group }) => group))]

const Code = ({ children }: { children: string }) => <code className="text-xs">{children}</code>

/** The words of NovaCron’s policies, for who writes one. */
export function Vocabulary() {
  const actions = GROUPS.map((group): [string, ReactNode] => [
    group,
    <span key={group} className="font-mono text-xs">
      {Object.entries(DEEDS)
        .filter(([name, deed]) => deed.group === group && name !== 'signIn' && name !== 'signOut')
        .map(([name]) => name)
        .join(', ')}
    </span>,
  ])
  return (
    <div className="flex flex-col gap-4">
      <Facts
        items={[
          [
            'People',
            <span key="people">
              <Code>{'principal in Role::"OPERATOR"'}</Code> (and who is more), <Code>principal.name</Code>
            </span>,
          ],
          [
            'Actions',
            <span key="actions">
              <Code>{'Action::"startVM"'}</Code>, or all of a role: <Code>{'Action::"OPERATOR"'}</Code>
            </span>,
          ],
          [
            'VMs',
            <span key="vms">
              <Code>resource is VM</Code>, <Code>{'resource.hasTag("env")'}</Code>,{' '}
              <Code>{'resource.getTag("env")'}</Code>, <Code>resource.name</Code>, <Code>resource.status</Code>,{' '}
              <Code>{'resource in Provider::"…"'}</Code>
            </span>,
          ],
          [
            'Other things',
            <span key="others">
              <Code>Provider</Code>, <Code>Image</Code>, <Code>Operation</Code>, <Code>Person</Code>,{' '}
              <Code>Organisation</Code>; ask <Code>resource has name</Code> where there may be none
            </span>,
          ],
        ]}
      />
      <p className="text-soft">All actions, by what they are about:</p>
      <Facts items={actions} />
      <p>
        <a
          href="https://docs.cedarpolicy.com/policies/syntax-policy.html"
          target="_blank"
          rel="noreferrer"
          className="underline underline-offset-2"
        >
          Cedar’s own reference
        </a>
      </p>
    </div>
  )
}
