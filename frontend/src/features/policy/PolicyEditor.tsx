'use client'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { sentences } from '@/lib/sentence'
import { type Fault, faultOf } from '@/relay/fault'
import { Button } from '@/ui/Button'
import { CodeField } from '@/ui/Code'
import { Form } from '@/ui/Form'
import { TextField } from '@/ui/fields'
import { placeOf } from './place'

export type Draft = { name: string; text: string }

/** Tells whether there is something that would be lost; once the editor is gone there is not. */
export function useUnsaved(unsaved: boolean, tell: (unsaved: boolean) => void) {
  useEffect(() => {
    tell(unsaved)
    return () => tell(false)
  }, [unsaved, tell])
}

type Props = {
  label: string
  draft: Draft
  onDraft: (draft: Draft) => void
  /** Rejects with a fault, which is told at the line that it is of. */
  onSave: () => Promise<unknown>
  save: string
  busy: boolean
  mayNot?: string
  onClose: () => void
  /** What stands beside Save and Cancel. */
  more?: ReactNode
  /** What somebody else has made of it meanwhile, and what can be done about that. */
  conflict?: ReactNode
  /** What stands between the text and Save. */
  below?: ReactNode
  children?: ReactNode
}

/** A policy’s name and text. */
export function PolicyEditor({
  label,
  draft,
  onDraft,
  onSave,
  save,
  busy,
  mayNot,
  onClose,
  more,
  conflict,
  below,
  children,
}: Props) {
  const [failed, setFailed] = useState<{ fault: Fault; text: string; place: ReturnType<typeof placeOf> | null } | null>(
    null,
  )
  const place = failed?.place
  // What is typed moves the places: the mark is of the text that was sent.
  const marked = place && draft.text === failed.text
  // Told once: by what the other one wrote, as soon as that is read.
  const stopped = Boolean(conflict) && failed?.fault.facts.code === 'CONFLICT'
  const notice = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!stopped) return
    notice.current?.focus()
    setFailed(null)
  }, [stopped])
  // Whoever has answered it goes on in the text.
  const asked = Boolean(conflict)
  useEffect(() => {
    const form = notice.current?.closest('form')
    if (!asked) return
    return () => {
      if (document.activeElement === document.body) form?.querySelector<HTMLElement>('textarea[name=text]')?.focus()
    }
  }, [asked])
  const submit = () => {
    if (mayNot) return
    onSave()
      .then(() => setFailed(null))
      .catch((cause) => {
        const fault = faultOf(cause)
        const { field, message } = fault.facts
        const wrong = field.replace(/^input\./, '') === 'text'
        setFailed({ fault, text: draft.text, place: wrong ? placeOf(message, draft.text) : null })
      })
  }
  return (
    <Form
      fault={stopped ? null : (failed?.fault.facts ?? null)}
      onSubmit={submit}
      label={label}
      className="flex flex-col gap-3"
    >
      {conflict && (
        <div ref={notice} role="alert" tabIndex={-1} className="outline-none">
          {conflict}
        </div>
      )}
      {children}
      <TextField
        label="Name"
        name="name"
        className="max-w-sm"
        value={draft.name}
        onChange={(name) => onDraft({ ...draft, name })}
        hint="A refusal names it to administrators. Letters, digits, -, _ and ."
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
      />
      <CodeField
        label="Policy"
        name="text"
        rows={8}
        value={draft.text}
        onChange={(text) => onDraft({ ...draft, text })}
        problem={marked ? sentences(place.problem, failed.fault.facts.remedy) : undefined}
        mark={place?.mark}
      />
      {below}
      <div className="flex flex-wrap items-center gap-2">
        <Button type="submit" look="primary" busy={busy} disabledReason={mayNot}>
          {save}
        </Button>
        <Button onClick={onClose}>Cancel</Button>
        {more && <div className="ml-auto flex gap-2">{more}</div>}
      </div>
    </Form>
  )
}
