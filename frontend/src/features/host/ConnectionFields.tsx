'use client'
import { cx } from '@/ui/cx'
import { SelectField, TextField } from '@/ui/fields'
import { type HostDraft, portProblem } from './host-draft'

type Props = { draft: HostDraft; set: (patch: Partial<HostDraft>) => void }

/** What a connection is called, where it leads, and how VMs made there run. */
export function ConnectionFields({ draft, set }: Props) {
  const { transport } = draft
  return (
    <>
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField
          label="Name"
          name="name"
          value={draft.name}
          onChange={(name) => set({ name })}
          hint="What you call it here."
          autoComplete="off"
        />
        <SelectField
          label="VMs run by"
          name="accelerator"
          value={draft.accelerator}
          onChange={(accelerator) => set({ accelerator: accelerator as HostDraft['accelerator'] })}
          options={[
            { value: 'AUTO', label: 'KVM where it works, else emulation' },
            { value: 'KVM', label: 'KVM' },
            { value: 'QEMU', label: 'Emulation (slow, works everywhere)' },
          ]}
        />
      </div>
      {transport !== 'LOCAL' && (
        <div
          className={cx('grid gap-4', transport === 'SSH' ? 'sm:grid-cols-[1fr_8rem_1fr]' : 'sm:grid-cols-[1fr_8rem]')}
        >
          <TextField
            label="Address"
            name="host"
            value={draft.host}
            onChange={(host) => set({ host })}
            placeholder="kvm-01.example or 10.0.0.7"
            autoCapitalize="none"
            spellCheck={false}
          />
          <TextField
            label="Port"
            name="port"
            inputMode="numeric"
            value={draft.port}
            onChange={(port) => set({ port })}
            problem={portProblem(draft)}
            placeholder={transport === 'TLS' ? '16514' : '22'}
          />
          {transport === 'SSH' && (
            <TextField
              label="User"
              name="user"
              value={draft.user}
              onChange={(user) => set({ user })}
              problem={draft.user.trim() ? undefined : 'Who is NovaCron there?'}
              autoCapitalize="none"
              spellCheck={false}
              required
            />
          )}
        </div>
      )}
    </>
  )
}
