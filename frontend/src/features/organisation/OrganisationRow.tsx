'use client'
import { useState } from 'react'
import { graphql, useFragment } from 'react-relay'
import type { OrganisationRow_organisation$key } from '@/__generated__/OrganisationRow_organisation.graphql'
import { useSwitch } from '@/features/access/use-switch'
import { QuotaBars } from '@/features/quota/QuotaBars'
import type { Line } from '@/features/quota/quota'
import { plural } from '@/lib/units'
import { Button } from '@/ui/Button'
import { State } from '@/ui/State'
import { SetQuotaDialog } from './SetQuotaDialog'

type Props = {
  organisation: OrganisationRow_organisation$key
  /** Whether the viewer works for it now. */
  here: boolean
  /** Whether they have a role in it: only those can be gone over to. */
  own: boolean
  onChange: () => void
}

/** An organisation with its people, and a bar for each kind of thing. */
export function OrganisationRow({ organisation: ref, here, own, onChange }: Props) {
  const { tenant, people, quota } = useFragment(
    graphql`
      fragment OrganisationRow_organisation on Organisation {
        tenant {
          id
          name
        }
        people
        quota {
          counted
          limit
          inUse
          ...QuotaBars_lines
        }
      }
    `,
    ref,
  )
  const [changing, setChanging] = useState(false)
  const [go, busy] = useSwitch()
  return (
    <li className="border-b border-line/70 py-4">
      <div className="mb-3 flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
        <div className="flex min-w-0 flex-wrap items-center gap-x-3">
          <h2 className="font-medium wrap-anywhere">{tenant.name}</h2>
          <span className="text-xs text-soft">{plural(people, 'person', 'people')}</span>
          {here && <State tone="good" word="This one" className="text-xs" />}
        </div>
        <div className="flex gap-2">
          {own && !here && (
            <Button size="sm" aria-label={`Switch to ${tenant.name}`} busy={busy} onClick={() => go(tenant)}>
              Switch
            </Button>
          )}
          <Button size="sm" aria-label={`Change the limits of ${tenant.name}`} onClick={() => setChanging(true)}>
            Change limits
          </Button>
        </div>
      </div>
      <QuotaBars lines={quota} of={tenant.name} />
      {changing && (
        <SetQuotaDialog
          organisation={tenant}
          quota={quota as readonly Line[]}
          onDone={onChange}
          onClose={() => setChanging(false)}
        />
      )}
    </li>
  )
}
