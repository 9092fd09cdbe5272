'use client'
import { useState } from 'react'
import { Button } from '@/ui/Button'
import { DialogActions, DialogBody } from '@/ui/Dialog'
import { Form } from '@/ui/Form'
import { TextField } from '@/ui/fields'
import type { Target } from './AddImageDialog'
import { useImport } from './use-import'

export function FromURL({ provider, pool, onDone, onClose }: Target) {
  const [url, setURL] = useState('')
  const [checksum, setChecksum] = useState('')
  const [name, setName] = useState('')
  const [tried, setTried] = useState(false)
  const { run, busy, fault } = useImport(onDone)
  const submit = () => {
    setTried(true)
    if (!url.trim()) return
    run({ provider, pool, url: url.trim(), checksum: checksum.trim() || undefined, name: name.trim() || undefined })
  }
  return (
    <Form fault={fault} label="From an address" onSubmit={submit} className="contents">
      <DialogBody>
        <TextField
          label="Address"
          name="url"
          type="url"
          value={url}
          onChange={setURL}
          problem={tried && !url.trim() ? 'Where is it?' : undefined}
          placeholder="https://…/image.qcow2"
          hint="The server fetches it, not your browser."
        />
        <TextField
          label="Checksum"
          name="checksum"
          value={checksum}
          onChange={setChecksum}
          mono
          hint="SHA-256 or SHA-512, hexadecimal. Needed for http://."
        />
        <TextField label="Name" name="name" value={name} onChange={setName} placeholder="That of the file" />
      </DialogBody>
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" look="primary" busy={busy}>
          Bring it
        </Button>
      </DialogActions>
    </Form>
  )
}
