'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { SetQuotaDialogMutation } from '@/__generated__/SetQuotaDialogMutation.graphql'
import { amount, COUNTED, type Counted, isSize, type Line, limitOf, written } from '@/features/quota/quota'
import { type Fault, faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { Button } from '@/ui/Button'
import { Dialog, DialogActions, DialogBody } from '@/ui/Dialog'
import { Notice } from '@/ui/FaultNote'
import { Form } from '@/ui/Form'
import { TextField } from '@/ui/fields'
import { toast } from '@/ui/Toasts'

type Props = {
  organisation: { readonly id: string; readonly name: string }
  quota: readonly Line[]
  onDone: () => void
  onClose: () => void
}

/** What an organisation may have of each. Only the limits that were changed are sent. */
export function SetQuotaDialog({ organisation: { id, name }, quota, onDone, onClose }: Props) {
  const [begun] = useState(() => quota.map((line) => [line.counted, written(line)] as const))
  const [typed, setTyped] = useState(() => Object.fromEntries(begun) as Record<Counted, string>)
  const [tried, setTried] = useState(false)
  const [fault, setFault] = useState<Fault | null>(null)
  const [set, busy] = useAction<SetQuotaDialogMutation>(graphql`
    mutation SetQuotaDialogMutation($input: SetQuotaInput!) {
      setQuota(input: $input) {
        quota {
          counted
        }
      }
    }
  `)
  const limits = begun.flatMap(([counted, before]) =>
    typed[counted] === before ? [] : { counted, limit: limitOf(counted, typed[counted]) },
  )
  const submit = () => {
    setTried(true)
    if (limits.some(({ limit }) => limit === undefined)) return
    if (limits.length === 0) return onClose()
    set({ input: { organisation: id, limits } })
      .then(() => {
        toast(`The limits of ${name} are changed.`)
        onDone()
        onClose()
      })
      .catch((cause) => setFault(faultOf(cause)))
  }
  const less = quota.filter(({ counted, inUse }) => {
    const limit = limits.find((each) => each.counted === counted)?.limit
    return limit != null && limit < inUse
  })
  return (
    <Dialog open onClose={onClose} title={`What ${name} may have`} note="Empty is no limit. Only managed VMs count.">
      <Form fault={fault?.facts ?? null} onSubmit={submit} label="Limits" className="contents">
        <DialogBody>
          <div className="grid gap-4 sm:grid-cols-2">
            {quota.map(({ counted, inUse }) => (
              <TextField
                key={counted}
                label={COUNTED[counted]}
                // The API blames all of them together.
                name={counted}
                inputMode={isSize(counted) ? undefined : 'numeric'}
                placeholder="No limit"
                value={typed[counted]}
                onChange={(text) => setTyped({ ...typed, [counted]: text })}
                hint={`${amount(counted, inUse)} in use`}
                problem={
                  tried && limitOf(counted, typed[counted]) === undefined
                    ? isSize(counted)
                      ? 'A size, as in 512 GiB or 2 TiB.'
                      : 'A whole number, 0 or more.'
                    : undefined
                }
                autoComplete="off"
              />
            ))}
          </div>
          {less.length > 0 && (
            <Notice>
              {name} has more already of: {less.map(({ counted }) => COUNTED[counted]).join(', ')}. It keeps what it
              has, and gets no more of it.
            </Notice>
          )}
        </DialogBody>
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy}>
            Change the limits
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}
