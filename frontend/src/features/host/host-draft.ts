export type Transport = 'LOCAL' | 'TLS' | 'SSH'

export type HostDraft = {
  name: string
  transport: Transport
  host: string
  port: string
  user: string
  accelerator: 'AUTO' | 'KVM' | 'QEMU'
  caCertificate: string
  clientCertificate: string
  clientKey: string
  sshKey: string
  sshHostKey: string
}

export const EMPTY: HostDraft = {
  name: '',
  transport: 'LOCAL',
  host: '',
  port: '',
  user: 'root',
  accelerator: 'AUTO',
  caCertificate: '',
  clientCertificate: '',
  clientKey: '',
  sshKey: '',
  sshHostKey: '',
}

/** What is wrong with a port that was typed; none is the way's own. */
export function portProblem({ transport, port }: Pick<HostDraft, 'transport' | 'port'>): string | undefined {
  const text = port.trim()
  if (transport === 'LOCAL' || text === '') return undefined
  return /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 65535
    ? undefined
    : 'A port is a number from 1 to 65535.'
}

/** Only what the chosen way needs: a key typed for another way is not sent. */
export function inputOf(draft: HostDraft) {
  const { transport } = draft
  const far = transport !== 'LOCAL'
  return {
    name: draft.name.trim(),
    kind: 'LIBVIRT' as const,
    transport,
    host: far ? draft.host.trim() : undefined,
    port: far && draft.port.trim() ? Number(draft.port) : undefined,
    user: transport === 'SSH' ? draft.user.trim() || undefined : undefined,
    accelerator: draft.accelerator,
    credentials: credentialsOf(draft),
  }
}

/** What to change of a connection: its way there cannot be. */
export function updateOf(draft: HostDraft) {
  const { kind: _kind, transport, credentials, port, ...rest } = inputOf(draft)
  const some = credentials && Object.values(credentials).some((value) => value !== undefined)
  // An emptied port is the transport's own again, which is 0; one that is left out would stay.
  return { ...rest, port: transport === 'LOCAL' ? undefined : (port ?? 0), credentials: some ? credentials : undefined }
}

function credentialsOf({ transport, caCertificate, clientCertificate, clientKey, sshKey, sshHostKey }: HostDraft) {
  const given = (text: string) => text.trim() || undefined
  if (transport === 'TLS')
    return {
      caCertificate: given(caCertificate),
      clientCertificate: given(clientCertificate),
      clientKey: given(clientKey),
    }
  // A key file ends with a line end, and ssh insists on it.
  if (transport === 'SSH') return { sshKey: given(sshKey) && `${sshKey.trim()}\n`, sshHostKey: given(sshHostKey) }
  return undefined
}
