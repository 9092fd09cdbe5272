'use client'
import { X } from 'lucide-react'
import { useDeferredValue, useState } from 'react'
import { graphql } from 'react-relay'
import type { PartFieldsQuery } from '@/__generated__/PartFieldsQuery.graphql'
import { formatCount } from '@/lib/units'
import { usePaced } from '@/lib/use-paced'
import { useReading } from '@/relay/use-reading'
import { IconButton } from '@/ui/Button'
import { Check, SelectField, TextArea, TextField } from '@/ui/fields'
import type { PartDraft } from './person'

/** So many VMs are there to choose from at once; more are found by their names. */
const SHOWN = 50

type Props = { part: PartDraft; onChange: (part: PartDraft) => void; problem?: string }

/** A part of the organisation’s things: hosts with all that is on them, VMs, and what has a tag. */
export function PartFields({ part, onChange, problem }: Props) {
  const [search, setSearch] = useState('')
  const asked = useDeferredValue(usePaced(search.trim(), 300))
  const { providers, vms } = useReading<PartFieldsQuery>(
    graphql`
      query PartFieldsQuery($search: String, $first: Int!) {
        providers {
          id
          name
        }
        vms(first: $first, filter: { search: $search }) {
          totalCount
          edges {
            node {
              id
              name
              provider {
                name
              }
            }
          }
        }
      }
    `,
    { search: asked, first: SHOWN },
  )
  const free = vms.edges.map(({ node }) => node).filter(({ id }) => !part.vms.some((each) => each.id === id))
  const choose = (id: string) => {
    const vm = free.find((each) => each.id === id)
    if (vm) onChange({ ...part, vms: [...part.vms, { id, name: vm.name }] })
  }
  return (
    <div className="flex flex-col gap-4 rounded-md border px-3 py-3">
      <fieldset className="min-w-0">
        <legend className="mb-1 text-xs font-medium text-soft">Hosts, with all that is on them</legend>
        <div className="flex max-h-40 flex-col gap-1.5 overflow-y-auto">
          {providers.map(({ id, name }) => (
            <Check
              key={id}
              label={name}
              checked={part.providers.includes(id)}
              onChange={(on) =>
                onChange({
                  ...part,
                  providers: on ? [...part.providers, id] : part.providers.filter((each) => each !== id),
                })
              }
            />
          ))}
          {providers.length === 0 && <p className="text-xs text-soft">There are none yet.</p>}
        </div>
      </fieldset>
      <div className="flex flex-col gap-2">
        <div className="grid gap-2 sm:grid-cols-2">
          <TextField
            label="Find VMs"
            value={search}
            onChange={setSearch}
            placeholder="Part of a name"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
          />
          <SelectField
            label="VMs"
            name="on.vms"
            value=""
            problem={problem}
            onChange={choose}
            options={[
              {
                value: '',
                label: vms.totalCount > SHOWN ? `Choose: ${SHOWN} of ${formatCount(vms.totalCount)}` : 'Choose',
              },
              ...free.map(({ id, name, provider }) => ({ value: id, label: `${name} on ${provider.name}` })),
            ]}
          />
        </div>
        {part.vms.length > 0 && (
          <ul aria-label="Chosen VMs" className="flex flex-wrap gap-1.5">
            {part.vms.map(({ id, name }) => (
              <li key={id} className="flex min-w-0 items-center gap-0.5 rounded-md border bg-sunken pl-2">
                <span className="min-w-0 text-xs wrap-anywhere">{name}</span>
                <IconButton
                  label={`Leave out ${name}`}
                  onClick={() => onChange({ ...part, vms: part.vms.filter((each) => each.id !== id) })}
                >
                  <X aria-hidden className="size-3.5" />
                </IconButton>
              </li>
            ))}
          </ul>
        )}
      </div>
      <TextArea
        label="VMs with one of these tags"
        name="on.tags"
        value={part.tags}
        onChange={(tags) => onChange({ ...part, tags })}
        rows={2}
        mono
        placeholder="team=web"
        hint="One key=value a line. Who may change a VM may change its tags too."
      />
    </div>
  )
}
