'use client'
import { type ReactNode, useRef, useState } from 'react'
import { Button } from './Button'
import { Dialog, DialogActions, DialogBody } from './Dialog'
import { FaultNote, type FaultWords } from './FaultNote'
import { TextField } from './fields'

type Props = {
  title: string
  /** The verb, never "OK". */
  label: string
  danger?: boolean
  /** What has to be typed first; for what cannot be undone. */
  typed?: string
  busy?: boolean
  disabledReason?: string
  fault?: FaultWords | null
  onClose: () => void
  onConfirm: () => void
  children: ReactNode
}

/** A question. For danger the focus starts at Cancel, or at what has to be typed. */
export function ConfirmDialog({
  title,
  label,
  danger,
  typed,
  busy,
  disabledReason,
  fault,
  onClose,
  onConfirm,
  children,
}: Props) {
  const cancel = useRef<HTMLButtonElement>(null)
  const field = useRef<HTMLFormElement>(null)
  const [text, setText] = useState('')
  const right = !typed || text.trim() === typed
  const reason = disabledReason ?? (right ? undefined : `Type “${typed}” first.`)
  return (
    <Dialog open onClose={onClose} title={title} initialFocus={typed ? undefined : danger ? cancel : undefined}>
      <form
        ref={field}
        className="contents"
        onSubmit={(event) => {
          event.preventDefault()
          if (!reason) onConfirm()
        }}
      >
        <DialogBody>
          <div className="flex flex-col gap-3 text-soft">{children}</div>
          {typed && (
            <TextField
              label={`Type ${typed} to confirm`}
              value={text}
              onChange={setText}
              autoComplete="off"
              spellCheck={false}
            />
          )}
          {fault && <FaultNote fault={fault} />}
        </DialogBody>
        <DialogActions>
          <Button ref={cancel} onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" look={danger ? 'danger' : 'primary'} busy={busy} disabledReason={reason}>
            {label}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
