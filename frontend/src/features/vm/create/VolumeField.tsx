'use client'
import { Suspense, useEffect } from 'react'
import { graphql } from 'react-relay'
import type { VolumeFieldQuery } from '@/__generated__/VolumeFieldQuery.graphql'
import { formatBytes } from '@/lib/units'
import { useReading } from '@/relay/use-reading'
import { SelectField } from '@/ui/fields'

type Props = {
  provider: string
  pool: string
  name: string
  cdrom: boolean
  value: string
  onChange: (volume: string) => void
}

/** The volumes that the pool has; for a CD-ROM drive its ISOs alone. */
export function VolumeField(props: Props) {
  const reading = { value: '', label: 'Looking into the pool …' }
  return (
    <Suspense fallback={<SelectField label="Volume" value="" onChange={() => {}} options={[reading]} disabled />}>
      <Field {...props} />
    </Suspense>
  )
}

function Field({ provider, pool, name, cdrom, value, onChange }: Props) {
  const { hypervisorHosts } = useReading<VolumeFieldQuery>(
    graphql`
      query VolumeFieldQuery($provider: ID!) {
        hypervisorHosts(provider: $provider) {
          id
          storagePools {
            name
            volumes {
              name
              format
              capacityBytes
            }
          }
        }
      }
    `,
    { provider },
  )
  const all = hypervisorHosts.flatMap((host) => host.storagePools).find((each) => each.name === pool)?.volumes ?? []
  const volumes = all.filter(({ name: file, format }) => (format === 'iso' || /\.iso$/i.test(file)) === cdrom)
  const known = volumes.some((volume) => volume.name === value)
  const first = volumes[0]?.name ?? ''
  // Another pool, another kind of drive: what was chosen is not in it.
  useEffect(() => {
    if (!known && value !== first) onChange(first)
  })
  return (
    <SelectField
      label="Volume"
      name={name}
      value={known ? value : first}
      onChange={onChange}
      disabled={volumes.length === 0}
      options={
        volumes.length === 0
          ? [{ value: '', label: cdrom ? 'No ISO in this pool' : 'None in this pool' }]
          : volumes.map((volume) => ({
              value: volume.name,
              label: `${volume.name} (${formatBytes(volume.capacityBytes)})`,
            }))
      }
    />
  )
}
