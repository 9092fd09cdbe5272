'use client'
import { useState } from 'react'
import { graphql, useLazyLoadQuery } from 'react-relay'
import type { FromCatalogQuery } from '@/__generated__/FromCatalogQuery.graphql'
import { formatBytes } from '@/lib/units'
import { Button } from '@/ui/Button'
import { DialogActions, DialogBody } from '@/ui/Dialog'
import { Form } from '@/ui/Form'
import { Choice, TextField } from '@/ui/fields'
import type { Target } from './AddImageDialog'
import { useImport } from './use-import'

export function FromCatalog({ provider, pool, onDone, onClose }: Target) {
  const { imageCatalog } = useLazyLoadQuery<FromCatalogQuery>(
    graphql`
      query FromCatalogQuery {
        imageCatalog {
          key
          name
          os
          architecture
          url
          sizeBytes
          available
          reason
        }
      }
    `,
    {},
  )
  const [key, setKey] = useState(imageCatalog.find((each) => each.available)?.key ?? '')
  const [name, setName] = useState('')
  const { run, busy, fault } = useImport(onDone)
  return (
    <Form
      fault={fault}
      label="From the catalogue"
      onSubmit={() => run({ provider, pool, catalog: key, name: name.trim() || undefined })}
      className="contents"
    >
      <DialogBody>
        <Choice
          label="Image"
          value={key}
          onChange={setKey}
          columns="sm:grid-cols-2"
          options={imageCatalog.map((each) => ({
            value: each.key,
            label: each.os,
            disabled: !each.available,
            hint: each.available
              ? [
                  each.architecture,
                  each.sizeBytes ? formatBytes(each.sizeBytes) : '',
                  each.url ? new URL(each.url).host : 'part of NovaCron',
                ]
                  .filter(Boolean)
                  .join(' · ')
              : each.reason,
          }))}
        />
        <TextField
          label="Name"
          name="name"
          value={name}
          onChange={setName}
          placeholder={imageCatalog.find((each) => each.key === key)?.name}
          hint="What it is called here, and its volume in the pool."
        />
      </DialogBody>
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" look="primary" busy={busy} disabledReason={key ? undefined : 'None can be brought now.'}>
          Bring it
        </Button>
      </DialogActions>
    </Form>
  )
}
