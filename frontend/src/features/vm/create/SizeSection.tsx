'use client'
import { cx } from '@/ui/cx'
import { TextField } from '@/ui/fields'
import { Section } from '@/ui/page'
import type { SectionProps } from './CreateVMPage'
import { SIZES } from './draft'

export function SizeSection({ draft, set, problems }: SectionProps) {
  return (
    <Section title="Size" note="Up to is how far it can grow while it runs: twice as much, unless said otherwise.">
      <div className="grid gap-4 sm:grid-cols-[auto_1fr_1fr]">
        <fieldset className="flex flex-col gap-1">
          <legend className="mb-1 text-xs font-medium text-soft">Sizes</legend>
          <div className="flex flex-wrap gap-1">
            {SIZES.map(({ key, label, vcpus, memory }) => (
              <button
                key={key}
                type="button"
                aria-pressed={draft.vcpus === vcpus && draft.memory === memory}
                onClick={() => set({ vcpus, memory })}
                className={cx(
                  'h-8 rounded-md border px-2.5 pointer-coarse:h-10',
                  draft.vcpus === vcpus && draft.memory === memory
                    ? 'border-ink bg-surface ring-1 ring-ink'
                    : 'border-edge/60 hover:border-edge',
                )}
              >
                {label}
              </button>
            ))}
          </div>
        </fieldset>
        <TextField
          label="vCPUs"
          name="vcpus"
          inputMode="numeric"
          value={draft.vcpus}
          onChange={(vcpus) => set({ vcpus })}
          problem={problems.vcpus}
        />
        <TextField
          label="Memory"
          name="memoryMiB"
          inputMode="decimal"
          unit="GiB"
          value={draft.memory}
          onChange={(memory) => set({ memory })}
          problem={problems.memoryMiB}
        />
        <TextField
          label="Up to how many CPUs"
          name="vcpusMax"
          inputMode="numeric"
          value={draft.vcpusMax}
          onChange={(vcpusMax) => set({ vcpusMax })}
          problem={problems.vcpusMax}
          placeholder="Twice as many"
          className="sm:col-start-2"
        />
        <TextField
          label="Up to how much memory"
          name="memoryMaxMiB"
          inputMode="decimal"
          unit="GiB"
          value={draft.memoryMax}
          onChange={(memoryMax) => set({ memoryMax })}
          problem={problems.memoryMaxMiB}
          placeholder="Twice as much"
        />
      </div>
    </Section>
  )
}
