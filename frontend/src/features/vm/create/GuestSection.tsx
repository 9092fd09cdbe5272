'use client'
import { TextArea, TextField } from '@/ui/fields'
import { More } from '@/ui/More'
import { Section } from '@/ui/page'
import type { SectionProps } from './CreateVMPage'

/** What cloud-init tells the guest at its first boot. */
export function GuestSection({ draft, set, problems, images }: SectionProps) {
  const image = images.find((each) => each.id === draft.image)
  return (
    <Section title="First boot" note="For images with cloud-init; others do not notice.">
      <div className="flex flex-col gap-4">
        <TextArea
          label="SSH keys"
          name="cloudInit.sshKeys"
          value={draft.sshKeys}
          onChange={(sshKeys) => set({ sshKeys })}
          problem={problems.sshKeys}
          rows={3}
          mono
          placeholder="ssh-ed25519 AAAA… you@home"
          hint="Public keys that may sign in, one a line."
        />
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            label="User"
            name="cloudInit.user"
            value={draft.user}
            onChange={(user) => set({ user })}
            placeholder={image?.defaultUser || 'The image’s own'}
            autoCapitalize="none"
            spellCheck={false}
          />
          <TextField
            label="Host name"
            name="cloudInit.hostname"
            value={draft.hostname}
            onChange={(hostname) => set({ hostname })}
            placeholder={draft.name || 'The VM’s name'}
            autoCapitalize="none"
            spellCheck={false}
          />
        </div>
        <More label="User data and network of your own">
          <TextArea
            label="User data"
            name="cloudInit.userData"
            value={draft.userData}
            onChange={(userData) => set({ userData })}
            problem={problems.userData}
            rows={8}
            mono
            placeholder={'#cloud-config\npackages:\n  - nginx'}
          />
          <TextArea
            label="Network configuration"
            name="cloudInit.networkConfig"
            value={draft.networkConfig}
            onChange={(networkConfig) => set({ networkConfig })}
            rows={5}
            mono
            placeholder={'version: 2\nethernets: …'}
            hint="Version 1 or 2. Without it: DHCP."
          />
        </More>
      </div>
    </Section>
  )
}
