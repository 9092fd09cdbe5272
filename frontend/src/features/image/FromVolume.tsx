'use client'
import { useState } from 'react'
import { graphql, useLazyLoadQuery } from 'react-relay'
import type { FromVolumeMutation } from '@/__generated__/FromVolumeMutation.graphql'
import type { FromVolumeQuery } from '@/__generated__/FromVolumeQuery.graphql'
import { formatBytes } from '@/lib/units'
import { type Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { Button } from '@/ui/Button'
import { DialogActions, DialogBody } from '@/ui/Dialog'
import { Form } from '@/ui/Form'
import { SelectField, TextField } from '@/ui/fields'
import type { Target } from './AddImageDialog'

/** A file that lies in a pool already; it stays as it is. */
export function FromVolume({ provider, pool, onDone, onClose }: Target) {
  const { hypervisorHosts } = useLazyLoadQuery<FromVolumeQuery>(
    graphql`
      query FromVolumeQuery($provider: ID!) {
        hypervisorHosts(provider: $provider) {
          id
          storagePools {
            name
            volumes {
              name
              capacityBytes
            }
          }
        }
      }
    `,
    { provider },
    { fetchPolicy: 'network-only' },
  )
  const volumes = hypervisorHosts.flatMap((host) => host.storagePools).find((each) => each.name === pool)?.volumes ?? []
  const [chosen, setChosen] = useState('')
  const [name, setName] = useState('')
  const [os, setOS] = useState('')
  const [fault, setFault] = useState<Fault | null>(null)
  const [send, busy] = useAction<FromVolumeMutation>(graphql`
    mutation FromVolumeMutation($input: RegisterImageInput!) {
      registerImage(input: $input) {
        image {
          id
        }
      }
    }
  `)
  const volume = volumes.some((each) => each.name === chosen) ? chosen : (volumes[0]?.name ?? '')
  const submit = () =>
    send({ input: { provider, pool, volume, name: name.trim() || undefined, os: os.trim() || undefined } })
      .then(({ registerImage }) => onDone(registerImage.image))
      .catch((cause) => setFault(faultOf(cause)))
  return (
    <Form fault={fault?.facts ?? null} label="From a volume" onSubmit={submit} className="contents">
      <DialogBody>
        <SelectField
          label="Volume"
          name="volume"
          value={volume}
          onChange={setChosen}
          options={volumes.map((each) => ({
            value: each.name,
            label: `${each.name} (${formatBytes(each.capacityBytes)})`,
          }))}
        />
        <TextField label="Name" name="name" value={name} onChange={setName} placeholder="That of the volume" />
        <TextField label="What is in it" name="os" value={os} onChange={setOS} placeholder="Debian 12" />
      </DialogBody>
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button
          type="submit"
          look="primary"
          busy={busy}
          disabledReason={volume ? undefined : 'This pool has no volumes.'}
        >
          Register
        </Button>
      </DialogActions>
    </Form>
  )
}
