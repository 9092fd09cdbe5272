'use client'
import { Check, SelectField, TextArea } from '@/ui/fields'
import { Section } from '@/ui/page'
import type { SectionProps } from './CreateVMPage'
import { machineTypeOptions } from './machine-types'

export function AdvancedSection({ draft, set, place }: SectionProps) {
  const { firmwares = [], machineTypes = [], accelerators = [] } = place ?? {}
  return (
    <Section title="Machine and labels">
      <div className="flex flex-col gap-4">
        <div className="grid gap-4 sm:grid-cols-3">
          <SelectField
            label="Firmware"
            name="firmware"
            value={draft.firmware}
            onChange={(firmware) => set({ firmware: firmware as typeof draft.firmware })}
            options={(['BIOS', 'UEFI'] as const).map((value) => ({
              value,
              label: value,
              disabled: firmwares.length > 0 && !firmwares.includes(value),
            }))}
          />
          <SelectField
            label="Machine type"
            name="machineType"
            value={draft.machineType}
            onChange={(machineType) => set({ machineType })}
            options={machineTypeOptions(machineTypes)}
          />
          <SelectField
            label="CPU is run by"
            name="accelerator"
            value={draft.accelerator}
            onChange={(accelerator) => set({ accelerator: accelerator as typeof draft.accelerator })}
            options={[
              { value: '', label: 'As the host is set' },
              { value: 'KVM', label: 'KVM', disabled: accelerators.length > 0 && !accelerators.includes('KVM') },
              { value: 'QEMU', label: 'Emulation (slow)' },
            ]}
          />
        </div>
        <TextArea
          label="Labels"
          name="tags"
          rows={2}
          value={draft.tags}
          onChange={(tags) => set({ tags })}
          hint="One a line, as key=value."
        />
        <Check label="Start it once it is made" checked={draft.start} onChange={(start) => set({ start })} />
        <Check label="Start it with its host" checked={draft.autostart} onChange={(autostart) => set({ autostart })} />
      </div>
    </Section>
  )
}
