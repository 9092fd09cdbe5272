'use client'
import { Disc3, Plus } from 'lucide-react'
import Link from 'next/link'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { ImageListPageQuery } from '@/__generated__/ImageListPageQuery.graphql'
import { refusal } from '@/lib/actions'
import { paths } from '@/lib/paths'
import { sentence } from '@/lib/sentence'
import { formatBytes } from '@/lib/units'
import { usePaced } from '@/lib/use-paced'
import { useOperationPulse } from '@/relay/own-operations'
import { useMayNot } from '@/relay/use-may'
import { useReading } from '@/relay/use-reading'
import { Age } from '@/ui/Age'
import { Button } from '@/ui/Button'
import { CopyText } from '@/ui/Copy'
import { Progress } from '@/ui/Meter'
import { Empty, PageBody, PageHeader } from '@/ui/page'
import { State, type Tone } from '@/ui/State'
import { AddImageDialog } from './AddImageDialog'
import { DeleteImageDialog } from './DeleteImageDialog'
import { RemoveFailedDialog } from './RemoveFailedDialog'

const STATUS: Record<string, { tone: Tone; word: string }> = {
  IMPORTING: { tone: 'busy', word: 'On its way' },
  READY: { tone: 'good', word: 'Ready' },
  FAILED: { tone: 'bad', word: 'Failed' },
}

const query = graphql`
  query ImageListPageQuery {
    images {
      id
      name
      pool
      volume
      status
      format
      capacityBytes
      sizeBytes
      os
      sha256
      source
      createdAt
      provider {
        name
      }
      operation {
        id
        progress
        note
        error {
          message
          remedy
        }
      }
      actions {
        name
        allowed
        reason
        remedy
      }
    }
  }
`

/** What VMs are made from. */
export function ImageListPage() {
  const fetchKey = usePaced(useOperationPulse(), 1000)
  const [added, setAdded] = useState(0)
  const { images } = useReading<ImageListPageQuery>(query, {}, `${fetchKey}.${added}`)
  const [adding, setAdding] = useState(false)
  const mayNot = useMayNot('OPERATOR')
  const [leaving, setLeaving] = useState<{ id: string; name: string; volume: string; status: string } | null>(null)
  const [clearing, setClearing] = useState(false)
  const failed = images.filter(
    (image) => image.status === 'FAILED' && refusal(image.actions, 'deleteImage') === undefined,
  )
  const done = () => {
    setAdding(false)
    setAdded(added + 1)
  }
  const add = (
    <Button
      look="primary"
      icon={<Plus aria-hidden className="size-4" />}
      disabledReason={mayNot}
      onClick={() => setAdding(true)}
    >
      Add an image
    </Button>
  )
  return (
    <>
      <PageHeader
        title="Images"
        note="What VMs are made from, at each host."
        actions={
          images.length > 0 && (
            <>
              {failed.length > 0 && <Button onClick={() => setClearing(true)}>Remove failed</Button>}
              {add}
            </>
          )
        }
      />
      <PageBody>
        {images.length === 0 && (
          <Empty icon={<Disc3 aria-hidden />} title="No images yet" action={add}>
            Bring one from the catalogue: the smallest is there in seconds.
          </Empty>
        )}
        <ul aria-label="Images" className="border-t empty:hidden">
          {images.map((image) => (
            <li
              key={image.id}
              className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-6 gap-y-1.5 border-b border-line/70 py-3 md:grid-cols-[minmax(0,2fr)_8rem_minmax(0,1.5fr)_6rem_9rem] md:items-center"
            >
              <div className="min-w-0">
                <p className="wrap-anywhere">
                  <span className="font-medium">{image.name}</span> <span className="text-soft">{image.os}</span>
                </p>
                <p className="text-xs text-soft wrap-anywhere">
                  {image.source || 'unknown source'} · <Age of={image.createdAt} />
                </p>
              </div>
              <div className="max-md:justify-self-end">
                <State {...(STATUS[image.status] ?? { tone: 'unknown', word: image.status })} />
                {image.status === 'IMPORTING' && image.operation && (
                  <Link
                    href={paths.operations(image.operation.id)}
                    className="mt-1 block text-xs text-soft hover:text-ink"
                  >
                    <Progress value={image.operation.progress} label={`${image.name}: ${image.operation.note}`} />
                    {image.operation.note}
                  </Link>
                )}
              </div>
              <div className="min-w-0 text-soft max-md:row-start-2">
                <p>
                  {image.provider.name} · {image.pool}
                </p>
                {image.status === 'FAILED' && image.operation?.error ? (
                  <p className="text-xs text-bad">{sentence(image.operation.error.message)}</p>
                ) : (
                  image.sha256 && (
                    <p className="flex items-center text-xs max-md:hidden">
                      <span className="mr-1">SHA-256</span>
                      <CopyText
                        text={`${image.sha256.slice(0, 8)}…`}
                        what={`checksum of ${image.name}`}
                        value={image.sha256}
                        mono
                      />
                    </p>
                  )
                )}
              </div>
              <p className="text-right text-soft max-md:row-start-2">
                {image.sizeBytes > 0 && formatBytes(image.sizeBytes)}
                {image.capacityBytes > 0 && (
                  <span className="block text-xs">{formatBytes(image.capacityBytes)} disk</span>
                )}
              </p>
              <div className="flex gap-2 max-md:col-span-2 md:justify-end">
                {image.status === 'READY' && (
                  <Button
                    size="sm"
                    link={<Link href={paths.newVM(image.id)} prefetch={false} />}
                    aria-label={`New VM from ${image.name}`}
                  >
                    New VM
                  </Button>
                )}
                <Button
                  size="sm"
                  aria-label={`${image.status === 'FAILED' ? 'Remove' : 'Delete'} ${image.name}`}
                  disabledReason={refusal(image.actions, 'deleteImage')}
                  onClick={() => setLeaving(image)}
                >
                  {image.status === 'FAILED' ? 'Remove' : 'Delete'}
                </Button>
              </div>
            </li>
          ))}
        </ul>
      </PageBody>
      {adding && <AddImageDialog onDone={done} onClose={() => setAdding(false)} />}
      {clearing && <RemoveFailedDialog images={failed} onClose={() => setClearing(false)} />}
      {leaving && <DeleteImageDialog image={leaving} onClose={() => setLeaving(null)} />}
    </>
  )
}
