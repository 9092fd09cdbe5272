'use client'
import { Suspense, useState } from 'react'
import { graphql } from 'react-relay'
import type { AddImageDialogQuery } from '@/__generated__/AddImageDialogQuery.graphql'
import { useReading } from '@/relay/use-reading'
import { Dialog } from '@/ui/Dialog'
import { Choice, SelectField } from '@/ui/fields'
import { Bone } from '@/ui/page'
import { FromCatalog } from './FromCatalog'
import { FromFile } from './FromFile'
import { FromURL } from './FromURL'
import { FromVolume } from './FromVolume'

type Source = 'catalog' | 'url' | 'file' | 'volume'
export type Target = { provider: string; pool: string; onDone: (image: { id: string }) => void; onClose: () => void }

const FORM = { catalog: FromCatalog, url: FromURL, file: FromFile, volume: FromVolume }

type Props = { provider?: string; onDone: (image: { id: string }) => void; onClose: () => void }

/** Four ways to get an image onto a host. */
export function AddImageDialog({ provider, onDone, onClose }: Props) {
  return (
    <Dialog open wide onClose={onClose} title="Add an image">
      <Suspense fallback={<Bone className="m-5 h-72" />}>
        <Body provider={provider} onDone={onDone} onClose={onClose} />
      </Suspense>
    </Dialog>
  )
}

function Body({ provider: given, onDone, onClose }: Props) {
  const { hypervisorHosts } = useReading<AddImageDialogQuery>(
    graphql`
      query AddImageDialogQuery {
        hypervisorHosts {
          id
          status
          provider {
            id
            name
          }
          storagePools {
            name
            active
          }
        }
      }
    `,
    {},
  )
  const [source, setSource] = useState<Source>('catalog')
  const usable = hypervisorHosts.filter((host) => host.status === 'ACTIVE')
  const providers = [...new Map(usable.map((host) => [host.provider.id, host.provider])).values()]
  const [provider, setProvider] = useState(given ?? usable[0]?.provider.id ?? '')
  const [pool, setPool] = useState('')
  const names = usable
    .filter((host) => host.provider.id === provider)
    .flatMap((host) => host.storagePools.filter((each) => each.active).map((each) => each.name))
  const pools = [...new Set(names)]
  const Fields = FORM[source]
  if (usable.length === 0)
    return <p className="px-5 pb-6 text-soft">No host answers now; an image needs one to lie on.</p>
  return (
    <>
      <div className="flex flex-col gap-4 px-5 pb-4">
        <Choice
          label="From where"
          value={source}
          onChange={setSource}
          columns="grid-cols-2 sm:grid-cols-4"
          options={[
            { value: 'catalog', label: 'Catalogue' },
            { value: 'url', label: 'Address' },
            { value: 'file', label: 'This computer' },
            { value: 'volume', label: 'A volume' },
          ]}
        />
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField
            label="To host"
            value={provider}
            onChange={(next) => {
              setProvider(next)
              setPool('')
            }}
            options={providers.map(({ id, name }) => ({ value: id, label: name }))}
          />
          <SelectField
            label="Pool"
            name="pool"
            value={pool || (pools[0] ?? '')}
            onChange={setPool}
            options={pools.map((each) => ({ value: each, label: each }))}
          />
        </div>
      </div>
      <Fields provider={provider} pool={pool || (pools[0] ?? '')} onDone={onDone} onClose={onClose} />
    </>
  )
}
