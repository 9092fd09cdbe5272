'use client'
import {
  Building2,
  Check,
  CircleUser,
  LogOut,
  Monitor,
  Moon,
  Scale,
  ScrollText,
  Sun,
  UserCog,
  Users,
} from 'lucide-react'
import Link from 'next/link'
import { graphql, useLazyLoadQuery } from 'react-relay'
import type { ViewerQuery } from '@/__generated__/ViewerQuery.graphql'
import { useSwitch } from '@/features/access/use-switch'
import { paths } from '@/lib/paths'
import { includes, ROLE_NAME } from '@/lib/roles'
import { setTheme, useTheme } from '@/lib/theme'
import { signOut } from '@/relay/session'
import { IconButton } from '@/ui/Button'
import { Menu, type MenuEntry } from '@/ui/Menu'

/** Who is signed in and for which organisation, and what is theirs alone. `small` is but an icon. */
export function Viewer({ small }: { small?: boolean }) {
  const { viewer } = useLazyLoadQuery<ViewerQuery>(
    graphql`
      query ViewerQuery {
        viewer {
          id
          name
          fullName
          role
          platformAdmin
          tenant {
            id
            name
          }
          organisations {
            tenant {
              id
              name
            }
            role
          }
        }
      }
    `,
    {},
  )
  const theme = useTheme()
  const [go] = useSwitch()
  const { role, tenant, organisations } = viewer
  const name = viewer.fullName || viewer.name
  const mark = (which: string) => (theme === which ? '✓' : '')
  const others = organisations.length > 1
  const entries: MenuEntry[] = [
    { kind: 'note', text: `${name} · ${ROLE_NAME[role].toLowerCase()} · ${tenant.name}` },
    { kind: 'line' },
    { kind: 'link', label: 'Your account', icon: <UserCog aria-hidden />, link: <Link href={paths.account()} /> },
  ]
  if (includes(role, 'ADMIN'))
    entries.push(
      { kind: 'link', label: 'People', icon: <Users aria-hidden />, link: <Link href={paths.people()} /> },
      { kind: 'link', label: 'Policies', icon: <Scale aria-hidden />, link: <Link href={paths.policies()} /> },
      { kind: 'link', label: 'Audit log', icon: <ScrollText aria-hidden />, link: <Link href={paths.audit()} /> },
    )
  if (viewer.platformAdmin)
    entries.push({
      kind: 'link',
      label: 'Organisations',
      icon: <Building2 aria-hidden />,
      link: <Link href={paths.organisations()} />,
    })
  if (others) {
    entries.push({ kind: 'line' }, { kind: 'note', text: 'Work for' })
    for (const each of organisations) {
      const here = each.tenant.id === tenant.id
      entries.push({
        kind: 'item',
        label: here ? `${each.tenant.name}, as now` : each.tenant.name,
        icon: here ? <Check aria-hidden /> : <Building2 aria-hidden />,
        onSelect: () => !here && go(each.tenant),
      })
    }
  }
  entries.push(
    { kind: 'line' },
    {
      kind: 'item',
      label: `System theme ${mark('system')}`,
      icon: <Monitor />,
      onSelect: () => setTheme('system'),
    },
    { kind: 'item', label: `Light theme ${mark('light')}`, icon: <Sun />, onSelect: () => setTheme('light') },
    { kind: 'item', label: `Dark theme ${mark('dark')}`, icon: <Moon />, onSelect: () => setTheme('dark') },
    { kind: 'line' },
    { kind: 'item', label: 'Sign out', icon: <LogOut />, onSelect: signOut },
  )
  const icon = <CircleUser aria-hidden className="size-4 shrink-0" strokeWidth={1.75} />
  const label = `Account of ${name}, ${tenant.name}`
  if (small) return <Menu trigger={<IconButton label={label}>{icon}</IconButton>} entries={entries} />
  return (
    <Menu
      trigger={
        <button
          type="button"
          aria-label={label}
          className="flex h-full w-full items-center gap-2.5 rounded-md px-2.5 text-left hover:bg-hover"
        >
          {icon}
          <span className="min-w-0 flex-1">
            <span className="block truncate">{name}</span>
            <span className="block truncate text-xs text-soft">{tenant.name}</span>
          </span>
        </button>
      }
      entries={entries}
    />
  )
}
