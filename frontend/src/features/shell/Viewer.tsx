'use client'
import { CircleUser, LogOut, Monitor, Moon, Sun } from 'lucide-react'
import { graphql, useLazyLoadQuery } from 'react-relay'
import type { ViewerQuery } from '@/__generated__/ViewerQuery.graphql'
import { setTheme, useTheme } from '@/lib/theme'
import { signOut } from '@/relay/session'
import { IconButton } from '@/ui/Button'
import { Menu } from '@/ui/Menu'

/** Who is signed in, and what is theirs alone: the theme, and leaving. */
export function Viewer() {
  const { viewer } = useLazyLoadQuery<ViewerQuery>(
    graphql`
      query ViewerQuery {
        viewer {
          name
          role
        }
      }
    `,
    {},
  )
  const theme = useTheme()
  const mark = (name: string) => (theme === name ? '✓' : '')
  return (
    <Menu
      trigger={
        <IconButton label={`Account of ${viewer.name}`}>
          <CircleUser aria-hidden className="size-4" strokeWidth={1.75} />
        </IconButton>
      }
      entries={[
        { kind: 'note', text: `${viewer.name} · ${viewer.role.toLowerCase()}` },
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
      ]}
    />
  )
}
