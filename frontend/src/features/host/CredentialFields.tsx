'use client'
import { useId } from 'react'
import { TextArea } from '@/ui/fields'
import { Section } from '@/ui/page'
import type { HostDraft } from './host-draft'

type Props = { draft: HostDraft; set: (patch: Partial<HostDraft>) => void; note?: string }
type Key = 'caCertificate' | 'clientCertificate' | 'clientKey' | 'sshKey' | 'sshHostKey'

const TLS: { key: Key; label: string; hint: string }[] = [
  {
    key: 'caCertificate',
    label: 'Authority’s certificate',
    hint: 'PEM: who may have signed the host’s certificate. On the host: /etc/pki/CA/cacert.pem',
  },
  { key: 'clientCertificate', label: 'Our certificate', hint: 'PEM: what NovaCron shows to the host.' },
  { key: 'clientKey', label: 'Our key', hint: 'PEM: the key of our certificate.' },
]
const SSH: typeof TLS = [
  { key: 'sshKey', label: 'Private key', hint: 'OpenSSH format, without passphrase.' },
  { key: 'sshHostKey', label: 'Host’s public key', hint: 'As in /etc/ssh/ssh_host_ed25519_key.pub: ssh-ed25519 AAAA…' },
]

/** Keys and certificates: pasted, or read from files. They are sent once and never come back. */
export function CredentialFields({ draft, set, note }: Props) {
  if (draft.transport === 'LOCAL') return null
  return (
    <Section title="Keys and certificates" note={note ?? 'Kept encrypted, and never shown again.'}>
      <div className="flex flex-col gap-4">
        {(draft.transport === 'TLS' ? TLS : SSH).map(({ key, label, hint }) => (
          <div key={key}>
            <TextArea
              label={label}
              name={`credentials.${key}`}
              rows={key === 'sshHostKey' ? 2 : 4}
              mono
              value={draft[key]}
              onChange={(text) => set({ [key]: text })}
              hint={hint}
            />
            <FileInput label={label} onText={(text) => set({ [key]: text })} />
          </div>
        ))}
      </div>
    </Section>
  )
}

function FileInput({ label, onText }: { label: string; onText: (text: string) => void }) {
  const id = useId()
  return (
    <>
      <label
        htmlFor={id}
        className="mt-1 inline-block rounded-sm text-xs text-soft underline decoration-line underline-offset-2 hover:text-ink has-[+:focus-visible]:outline-2 has-[+:focus-visible]:outline-brand"
      >
        Choose a file <span className="sr-only">for: {label}</span>
      </label>
      <input
        id={id}
        type="file"
        className="sr-only"
        onChange={(event) => {
          const [file] = event.target.files ?? []
          file?.text().then(onText)
        }}
      />
    </>
  )
}
