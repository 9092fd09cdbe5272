'use client'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { AddImageDialog } from '@/features/image/AddImageDialog'
import { formatBytes } from '@/lib/units'
import { beat } from '@/relay/own-operations'
import { useMayNot } from '@/relay/use-may'
import { Button } from '@/ui/Button'
import { Choice, SelectField, TextField } from '@/ui/fields'
import { Progress } from '@/ui/Meter'
import { Section } from '@/ui/page'
import type { SectionProps } from './CreateVMPage'

export function BootSection({ draft, set, problems, place, images }: SectionProps) {
  const mayNot = useMayNot('OPERATOR')
  const [adding, setAdding] = useState(false)
  const image = images.find((each) => each.id === draft.image)
  const coming = images.filter((each) => each.status === 'IMPORTING')
  return (
    <Section
      title="Boot disk"
      actions={
        <Button
          size="sm"
          icon={<Plus aria-hidden className="size-3.5" />}
          disabledReason={mayNot}
          onClick={() => setAdding(true)}
        >
          Add an image
        </Button>
      }
    >
      <div className="flex flex-col gap-4">
        <Choice
          label="From image"
          value={draft.image ?? ''}
          onChange={(next) => set({ image: next })}
          options={[
            ...images
              .filter((each) => each.status === 'READY' || each.id === draft.image)
              .map((each) => ({
                value: each.id,
                label: each.name,
                hint:
                  each.status === 'READY'
                    ? [each.os, formatBytes(each.capacityBytes)].filter(Boolean).join(' · ')
                    : 'On its way',
              })),
            { value: '', label: 'No image', hint: 'An empty disk: boots from a CD-ROM or not at all' },
          ]}
        />
        {coming.map((each) => (
          <p key={each.id} className="text-xs text-soft">
            {each.name} is on its way: {each.operation?.note}
            <Progress value={each.operation?.progress} label={`${each.name} is on its way`} className="mt-1 max-w-xs" />
          </p>
        ))}
        <div className="grid gap-4 sm:grid-cols-3">
          <TextField
            label="Disk size"
            name="disks[0].capacityBytes"
            inputMode="decimal"
            unit="GiB"
            value={draft.bootSize}
            onChange={(bootSize) => set({ bootSize })}
            problem={problems.boot}
            placeholder={image ? `As large as the image` : ''}
          />
          <SelectField
            label="Pool"
            name="disks[0].pool"
            value={draft.pool}
            onChange={(pool) => set({ pool })}
            options={[
              { value: '', label: image ? `The image’s: ${image.pool}` : 'The host’s first' },
              ...(place?.pools ?? []).map((pool) => ({
                value: pool.name,
                label: `${pool.name}: ${formatBytes(pool.freeBytes)} free`,
              })),
            ]}
          />
          {image && (
            <SelectField
              label="Made by"
              name="disks[0].clone"
              value={draft.clone}
              onChange={(clone) => set({ clone: clone as typeof draft.clone })}
              options={[
                { value: 'COPY_ON_WRITE', label: 'Overlay: at once, the image stays' },
                { value: 'FULL', label: 'Full copy: the image may go' },
              ]}
            />
          )}
        </div>
      </div>
      {adding && (
        <AddImageDialog
          provider={draft.provider}
          onDone={({ id }) => {
            set({ image: id })
            beat()
            setAdding(false)
          }}
          onClose={() => setAdding(false)}
        />
      )}
    </Section>
  )
}
