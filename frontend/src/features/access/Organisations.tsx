'use client'
import { useState } from 'react'
import { graphql, useFragment } from 'react-relay'
import type { Organisations_viewer$key } from '@/__generated__/Organisations_viewer.graphql'
import { ROLE_NAME } from '@/lib/roles'
import { Button } from '@/ui/Button'
import { Section } from '@/ui/page'
import { State } from '@/ui/State'
import { useSwitch } from './use-switch'

/** For whom the viewer works, where that is more than one. */
export function Organisations({ viewer }: { viewer: Organisations_viewer$key }) {
  const { tenant, organisations } = useFragment(
    graphql`
      fragment Organisations_viewer on Viewer {
        tenant {
          id
        }
        organisations {
          role
          tenant {
            id
            name
          }
        }
      }
    `,
    viewer,
  )
  const [go, busy] = useSwitch()
  const [towards, setTowards] = useState('')
  if (organisations.length < 2) return null
  return (
    <Section title="Organisations" note="You see one at a time, in all tabs of this browser.">
      <ul aria-label="Organisations">
        {organisations.map((each) => (
          <li
            key={each.tenant.id}
            className="flex min-h-11 items-center justify-between gap-x-6 border-b border-line/70 py-1.5 last:border-0"
          >
            <p className="flex min-w-0 flex-wrap items-center gap-x-3">
              <span className="font-medium wrap-anywhere">{each.tenant.name}</span>
              <span className="text-soft">{ROLE_NAME[each.role]}</span>
              {each.tenant.id === tenant.id && <State tone="good" word="This one" className="text-xs" />}
            </p>
            {each.tenant.id !== tenant.id && (
              <Button
                size="sm"
                aria-label={`Switch to ${each.tenant.name}`}
                busy={busy && towards === each.tenant.id}
                onClick={() => {
                  setTowards(each.tenant.id)
                  go(each.tenant)
                }}
              >
                Switch
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Section>
  )
}
