'use client'
import { type ComponentProps, type ReactNode, useId } from 'react'
import { cx } from './cx'
import { useFieldFault } from './Form'

export const CONTROL =
  'w-full rounded-md border border-edge bg-surface px-2.5 text-sm text-ink transition-colors ' +
  'hover:border-soft aria-invalid:border-bad disabled:border-line disabled:bg-sunken disabled:text-faint'

type Shared = {
  label: string
  /** The API's name of this field: faults that name it are shown here. */
  name?: string
  hint?: ReactNode
  /** A fault found in the browser. */
  problem?: string
  className?: string
}

function useField({ name, hint, problem }: Shared) {
  const id = useId()
  const told = useFieldFault(name)
  const error = problem ?? told
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || undefined
  return {
    id,
    error,
    control: { id, 'aria-describedby': described, 'aria-invalid': error ? true : undefined } as const,
  }
}

function Frame({
  id,
  label,
  hint,
  error,
  className,
  children,
}: Shared & { id: string; error?: string; children: ReactNode }) {
  return (
    <div className={cx('flex min-w-0 flex-col gap-1', className)}>
      <label htmlFor={id} className="text-xs font-medium text-soft">
        {label}
      </label>
      {children}
      {error && (
        <p id={`${id}-error`} className="text-xs font-medium text-bad">
          {error}
        </p>
      )}
      {hint && (
        <p id={`${id}-hint`} className="text-xs text-faint">
          {hint}
        </p>
      )}
    </div>
  )
}

type TextProps = Shared & { value: string; onChange: (value: string) => void; unit?: string; mono?: boolean } & Omit<
    ComponentProps<'input'>,
    'value' | 'onChange' | 'className' | 'size'
  >

export function TextField({ label, name, hint, problem, className, value, onChange, unit, mono, ...rest }: TextProps) {
  const { id, error, control } = useField({ label, name, hint, problem })
  const input = (
    <input
      {...rest}
      {...control}
      name={name}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      className={cx(
        CONTROL,
        'h-8 pointer-coarse:h-10 pointer-coarse:text-base',
        mono && 'font-mono text-xs',
        unit && 'pr-12',
      )}
    />
  )
  return (
    <Frame {...{ id, label, hint, error, className }}>
      {unit ? (
        <div className="relative">
          {input}
          <span
            aria-hidden
            className="pointer-events-none absolute inset-y-0 right-2.5 flex items-center text-xs text-faint"
          >
            {unit}
          </span>
        </div>
      ) : (
        input
      )}
    </Frame>
  )
}

type AreaProps = Shared & {
  value: string
  onChange: (value: string) => void
  rows?: number
  mono?: boolean
  placeholder?: string
}

export function TextArea({
  label,
  name,
  hint,
  problem,
  className,
  value,
  onChange,
  rows = 4,
  mono,
  placeholder,
}: AreaProps) {
  const { id, error, control } = useField({ label, name, hint, problem })
  return (
    <Frame {...{ id, label, hint, error, className }}>
      <textarea
        {...control}
        name={name}
        rows={rows}
        value={value}
        placeholder={placeholder}
        spellCheck={!mono}
        onChange={(event) => onChange(event.target.value)}
        className={cx(CONTROL, 'resize-y py-1.5', mono && 'font-mono text-xs')}
      />
    </Frame>
  )
}

export type Option = { value: string; label: string; disabled?: boolean; group?: string }
type SelectProps = Shared & { value: string; onChange: (value: string) => void; options: Option[]; disabled?: boolean }

export function SelectField({
  label,
  name,
  hint,
  problem,
  className,
  value,
  onChange,
  options,
  disabled,
}: SelectProps) {
  const { id, error, control } = useField({ label, name, hint, problem })
  return (
    <Frame {...{ id, label, hint, error, className }}>
      <select
        {...control}
        name={name}
        value={value}
        disabled={disabled}
        onChange={(event) => onChange(event.target.value)}
        className={cx(CONTROL, 'h-8 pr-1 pointer-coarse:h-10')}
      >
        <Choices of={options.filter(({ group }) => !group)} />
        {[...new Set(options.flatMap(({ group }) => group ?? []))].map((group) => (
          <optgroup key={group} label={group}>
            <Choices of={options.filter((option) => option.group === group)} />
          </optgroup>
        ))}
      </select>
    </Frame>
  )
}

function Choices({ of }: { of: Option[] }) {
  return of.map(({ value, label, disabled }) => (
    <option key={value} value={value} disabled={disabled}>
      {label}
    </option>
  ))
}

type CheckProps = {
  label: ReactNode
  hint?: ReactNode
  checked: boolean
  onChange: (checked: boolean) => void
  disabled?: boolean
}

export function Check({ label, hint, checked, onChange, disabled }: CheckProps) {
  const id = useId()
  return (
    <div className="flex gap-2">
      <input
        id={id}
        type="checkbox"
        checked={checked}
        disabled={disabled}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(event) => onChange(event.target.checked)}
        className="mt-0.5 size-4 shrink-0 accent-ink"
      />
      <div className="min-w-0">
        <label htmlFor={id} className={disabled ? 'text-faint' : undefined}>
          {label}
        </label>
        {hint && (
          <p id={`${id}-hint`} className="text-xs text-faint">
            {hint}
          </p>
        )}
      </div>
    </div>
  )
}

type ChoiceProps<V extends string> = {
  label: string
  value: V
  onChange: (value: V) => void
  options: { value: V; label: string; hint?: ReactNode; disabled?: boolean }[]
  columns?: string
}

/** One of a few, all in sight, each with a sentence of its own. */
export function Choice<V extends string>({
  label,
  value,
  onChange,
  options,
  columns = 'sm:grid-cols-3',
}: ChoiceProps<V>) {
  const group = useId()
  return (
    <fieldset className="min-w-0">
      <legend className="mb-1 text-xs font-medium text-soft">{label}</legend>
      <div className={cx('grid gap-2', columns)}>
        {options.map((option) => (
          <label
            key={option.value}
            className={cx(
              'flex min-w-0 gap-2 rounded-md border px-3 py-2 has-focus-visible:outline-2 has-focus-visible:outline-brand',
              value === option.value ? 'border-ink bg-surface ring-1 ring-ink' : 'border-edge/60 hover:border-edge',
              option.disabled && 'text-faint',
            )}
          >
            <input
              type="radio"
              name={group}
              checked={value === option.value}
              disabled={option.disabled}
              onChange={() => onChange(option.value)}
              className="mt-0.5 size-4 shrink-0 accent-ink outline-none"
            />
            <span className="min-w-0">
              <span className="font-medium">{option.label}</span>
              {option.hint && <span className="block text-xs text-faint">{option.hint}</span>}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}
