'use client'
import { formatMiB } from '@/lib/units'
import { Choice, TextField } from '@/ui/fields'
import { Section } from '@/ui/page'
import { type HostChoice, placed, type SectionProps } from './CreateVMPage'

export function WhereSection({ draft, set, problems, hosts }: SectionProps & { hosts: readonly HostChoice[] }) {
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
          onChange={(provider) =>
            set({ provider, image: '', ...placed(hosts.find((each) => each.provider.id === provider)) })
          }
          options={hosts.map((host) => {
            const { memoryTotalMiB, memoryAllocatedMiB } = host.resourceUtilization
            const down = host.status !== 'ACTIVE'
            return {
              value: host.provider.id,
              label: host.provider.name,
              disabled: down,
              hint: down
                ? 'Does not answer'
                : `${formatMiB(Math.max(0, memoryTotalMiB - memoryAllocatedMiB))} memory not given out`,
            }
          })}
        />
      </div>
    </Section>
  )
}
