'use client'
import { Button as Base } from '@base-ui/react/button'
import { LoaderCircle } from 'lucide-react'
import { type ComponentProps, cloneElement, type ReactElement, type ReactNode } from 'react'
import { cx } from './cx'
import { Tip } from './Tip'

export type ButtonLook = 'primary' | 'plain' | 'quiet' | 'danger'

const LOOK: Record<ButtonLook, string> = {
  primary: 'bg-ink text-canvas border-ink not-data-disabled:hover:bg-soft not-data-disabled:hover:border-soft',
  plain: 'bg-surface text-ink border-edge/50 not-data-disabled:hover:bg-hover not-data-disabled:hover:border-edge',
  quiet: 'bg-transparent text-ink border-transparent not-data-disabled:hover:bg-hover',
  danger: 'bg-bad text-canvas border-bad not-data-disabled:hover:opacity-85',
}

const FRAME =
  'inline-flex items-center justify-center gap-1.5 border rounded-md font-medium whitespace-nowrap select-none ' +
  'transition-colors duration-75 data-disabled:border-line data-disabled:bg-sunken data-disabled:text-faint'

type Props = {
  look?: ButtonLook
  size?: 'sm' | 'md'
  icon?: ReactNode
  busy?: boolean
  /** Why it cannot be used. It stays visible and focusable, and says this. */
  disabledReason?: string
  /** The link to be: `link={<Link href="…" />}`. */
  link?: ReactElement<{ className?: string; 'aria-label'?: string }>
} & Omit<ComponentProps<typeof Base>, 'render' | 'className'> & { className?: string }

export function Button({
  look = 'plain',
  size = 'md',
  icon,
  busy,
  disabledReason,
  link,
  className,
  children,
  ...rest
}: Props) {
  const frame = cx(
    FRAME,
    LOOK[look],
    size === 'sm' ? 'h-7 px-2 text-xs pointer-coarse:h-9 pointer-coarse:px-3' : 'h-8 px-3 text-sm pointer-coarse:h-10',
    className,
  )
  // A link that looks like a button stays a link: it can be opened in another tab.
  if (link && !disabledReason) {
    const { 'aria-label': label } = rest
    return cloneElement(link, { className: frame, 'aria-label': label }, icon, children)
  }
  const button = (
    <Base
      {...rest}
      disabled={busy || Boolean(disabledReason) || rest.disabled}
      focusableWhenDisabled
      aria-busy={busy || undefined}
      className={frame}
    >
      {busy ? <LoaderCircle aria-hidden className="size-3.5 animate-spin" /> : icon}
      {children}
    </Base>
  )
  // Wrapped also when there is nothing to tell: a button that becomes usable must not lose its focus.
  return (
    <Tip text={disabledReason} off={!disabledReason}>
      {button}
    </Tip>
  )
}

type IconProps = Omit<Props, 'children' | 'icon' | 'link' | 'size'> & { label: string; children: ReactNode }

/** A button that is only an icon: its label is its name and its tooltip. */
export function IconButton({ label, look = 'quiet', disabledReason, className, children, ...rest }: IconProps) {
  return (
    <Tip text={disabledReason || label}>
      <Base
        {...rest}
        aria-label={label}
        disabled={rest.busy || Boolean(disabledReason) || rest.disabled}
        focusableWhenDisabled
        className={cx(FRAME, LOOK[look], 'size-7 shrink-0 pointer-coarse:size-10', className)}
      >
        {children}
      </Base>
    </Tip>
  )
}
