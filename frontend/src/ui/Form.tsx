'use client'
import { createContext, type FormEvent, type ReactNode, useContext, useEffect, useRef } from 'react'
import { sentences } from '@/lib/sentence'
import { FaultNote, type FaultWords } from './FaultNote'

type FormFault = (FaultWords & { field: string }) | null
const FaultContext = createContext<FormFault>(null)

/** Whether a fault about `blamed` is shown at the field `name`: at itself or at what it is made of. */
export function blames(blamed: string, name: string): boolean {
  const field = blamed.replace(/^input\./, '')
  return field === name || field.startsWith(`${name}.`) || field.startsWith(`${name}[`)
}

/** What the field's own control must say about a fault; undefined when it is not to blame. */
export function useFieldFault(name?: string): string | undefined {
  const fault = useContext(FaultContext)
  if (!fault || !name || !blames(fault.field, name)) return undefined
  return sentences(fault.message, fault.remedy)
}

type Props = { fault: FormFault; onSubmit: () => void; label: string; className?: string; children: ReactNode }

/**
 * Keeps what was typed when sending fails. A fault that names a field is shown there, and the field gets the
 * focus, as one gets that is wrong before anything is sent; every other fault is shown on top.
 */
export function Form({ fault, onSubmit, label, className, children }: Props) {
  const form = useRef<HTMLFormElement>(null)
  const goTo = (...places: string[]) => {
    const blamed = places.map((place) => form.current?.querySelector<HTMLElement>(place)).find((each) => each)
    blamed?.focus()
    blamed?.scrollIntoView({ block: 'center' })
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each fault
  useEffect(() => {
    if (fault) goTo('[aria-invalid="true"]', '[role="alert"]')
  }, [fault])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onSubmit()
    // What the form itself finds to be wrong is shown by then.
    if (!fault) requestAnimationFrame(() => goTo('[aria-invalid="true"]'))
  }
  return (
    <FaultContext.Provider value={fault}>
      <form ref={form} onSubmit={submit} aria-label={label} noValidate className={className}>
        {fault && <GeneralFault fault={fault} form={form} inset={className === 'contents'} />}
        {children}
      </form>
    </FaultContext.Provider>
  )
}

type GeneralProps = { fault: NonNullable<FormFault>; form: React.RefObject<HTMLFormElement | null>; inset: boolean }

/** Shown always but for faults that a field of this form shows; those are found after rendering. */
function GeneralFault({ fault, form, inset }: GeneralProps) {
  const note = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!note.current) return
    const shown = fault.field !== '' && form.current?.querySelector('[aria-invalid="true"]')
    note.current.hidden = Boolean(shown)
  }, [fault, form])
  return (
    <div ref={note} className={inset ? 'px-5 pb-3' : 'col-span-full mb-4'}>
      <FaultNote fault={fault} />
    </div>
  )
}
