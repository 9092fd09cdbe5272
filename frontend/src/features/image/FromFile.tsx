'use client'
import { useEffect, useId, useRef, useState } from 'react'
import { graphql } from 'react-relay'
import type { FromFileMutation } from '@/__generated__/FromFileMutation.graphql'
import { formatBytes } from '@/lib/units'
import { type Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { Button } from '@/ui/Button'
import { DialogActions, DialogBody } from '@/ui/Dialog'
import { Form } from '@/ui/Form'
import { CONTROL, TextField } from '@/ui/fields'
import { Progress } from '@/ui/Meter'
import type { Target } from './AddImageDialog'
import { sendFile } from './upload'

/** An image from this computer; it is sent while the dialog is open. */
export function FromFile({ provider, pool, onDone, onClose }: Target) {
  const [file, setFile] = useState<File | null>(null)
  const [name, setName] = useState('')
  const [checksum, setChecksum] = useState('')
  const [share, setShare] = useState<number | null>(null)
  const [fault, setFault] = useState<Fault | null>(null)
  const [ask] = useAction<FromFileMutation>(graphql`
    mutation FromFileMutation($input: UploadImageInput!) {
      uploadImage(input: $input) {
        path
        image {
          id
        }
      }
    }
  `)
  const [tried, setTried] = useState(false)
  const missing = useId()
  const noFile = tried && !file
  const stop = useRef<AbortController>(null)
  useEffect(() => () => stop.current?.abort(), [])
  const submit = async () => {
    setTried(true)
    if (!file || !name.trim()) return
    stop.current = new AbortController()
    setShare(0)
    setFault(null)
    try {
      const input = { provider, pool, name: name.trim(), sizeBytes: file.size, checksum: checksum.trim() || undefined }
      const { uploadImage } = await ask({ input })
      await sendFile(uploadImage.path, file, setShare, stop.current.signal)
      onDone(uploadImage.image)
    } catch (cause) {
      setFault(faultOf(cause))
      setShare(null)
    }
  }
  const sending = share !== null
  return (
    <Form fault={fault?.facts ?? null} label="From this computer" onSubmit={submit} className="contents">
      <DialogBody>
        <label className="flex flex-col gap-1 text-xs font-medium text-soft">
          File
          <input
            type="file"
            accept=".qcow2,.img,.raw,.iso"
            disabled={sending}
            aria-invalid={noFile || undefined}
            aria-describedby={noFile ? missing : undefined}
            onChange={(event) => {
              const [chosen] = event.target.files ?? []
              setFile(chosen ?? null)
              if (chosen && !name) setName(chosen.name.replace(/\.(qcow2|img|raw|iso)$/i, ''))
            }}
            className={`${CONTROL} py-1.5 font-normal text-ink file:mr-3 file:rounded-sm file:border-0 file:bg-hover file:px-2 file:py-0.5`}
          />
          {noFile && (
            <span id={missing} className="text-bad">
              Choose a file.
            </span>
          )}
        </label>
        <TextField
          label="Name"
          name="name"
          value={name}
          onChange={setName}
          problem={tried && !name.trim() ? 'It needs a name.' : undefined}
          disabled={sending}
        />
        <TextField
          label="SHA-256"
          name="checksum"
          value={checksum}
          onChange={setChecksum}
          mono
          disabled={sending}
          hint="Verified when given."
        />
        {sending && file && (
          <div>
            <Progress value={share} label={`Sending ${file.name}`} />
            <p role="status" className="mt-1 text-xs text-soft">
              {formatBytes(share * file.size)} of {formatBytes(file.size)} sent. Keep this page open.
            </p>
          </div>
        )}
      </DialogBody>
      <DialogActions>
        <Button onClick={() => (sending ? stop.current?.abort() : onClose())}>{sending ? 'Stop' : 'Cancel'}</Button>
        <Button type="submit" look="primary" busy={sending}>
          Upload
        </Button>
      </DialogActions>
    </Form>
  )
}
