'use client'
import { type ReactNode, useEffect } from 'react'
import { holdLeaving } from '@/relay/session'
import { Button } from '@/ui/Button'
import { CopyText } from '@/ui/Copy'
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog'
import { Notice } from '@/ui/FaultNote'

type Props = { title: string; what: string; text: string; onClose: () => void; children?: ReactNode }

/** What is shown once and never again. Only who says that they have it closes it. */
export function OnceDialog({ title, what, text, onClose, children }: Props) {
  useEffect(holdLeaving, [])
  return (
    <Dialog open stays onClose={onClose} title={title}>
      <DialogBody>
        <Notice tone="warn">
          <p className="font-medium">Copy it now: it is not shown again.</p>
          <div className="mt-1">
            <CopyText text={text} what={what} mono />
          </div>
        </Notice>
        {children}
      </DialogBody>
      <DialogActions>
        <Button look="primary" onClick={onClose}>
          I have copied it
        </Button>
      </DialogActions>
    </Dialog>
  )
}
