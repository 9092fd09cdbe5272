'use client'
import { formatMiB } from '@/lib/units'
import { Choice, TextField } from '@/ui/fields'
import { Section } from '@/ui/page'
import { placed, type SectionProps } from './CreateVMPage'
import type { Place } from './places'

export function WhereSection({ draft, set, problems, places }: SectionProps & { places: readonly Place[] }) {
  return (
    <Section title="Name and place">
      <div className="flex flex-col gap-4">
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            label="Name"
            name="name"
            value={draft.name}
            onChange={(name) => set({ name })}
            problem={problems.name}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            autoFocus
          />
          <TextField
            label="Description"
            name="description"
            value={draft.description}
            onChange={(description) => set({ description })}
          />
        </div>
        <Choice
          label="Host"
          value={draft.provider}
          onChange={(provider) => set({ provider, ...placed(places.find((each) => each.id === provider)) })}
          options={places.map((place) => ({
            value: place.id,
            label: place.name,
            disabled: !place.answers,
            hint: place.answers ? room(place) : 'Does not answer',
          }))}
        />
      </div>
    </Section>
  )
}

function room({ memoryTotalMiB, memoryAllocatedMiB, hosts }: Place) {
  const free = memoryTotalMiB - memoryAllocatedMiB
  const memory = free > 0 ? `${formatMiB(free)} memory not given out` : 'All memory given out'
  return hosts > 1 ? `${hosts} hosts · ${memory}` : memory
}
