'use client'
import { formatAge, formatAgo, formatMoment } from '@/lib/time'
import { useNow } from '@/lib/use-now'
import { cx } from './cx'

/** `bare`: the moment itself is told by what is around it. */
type Props = { of: string; short?: boolean; bare?: boolean; className?: string }

/** How long ago something was; the moment itself in the tooltip. */
export function Age({ of, short, bare, className }: Props) {
  const young = Date.now() - new Date(of).getTime() < 60_000
  const now = useNow(young ? 1000 : 20_000)
  return (
    <time
      dateTime={of}
      title={bare ? undefined : formatMoment(of)}
      className={cx('tabular-nums', className)}
      suppressHydrationWarning
    >
      {short ? formatAge(of, now) : formatAgo(of, now)}
    </time>
  )
}
