'use client'
import { Meter } from '@/ui/Meter'
import { type Amount, amount, COUNTED, type Line } from './quota'

/** What is left of an organisation’s quota once a VM takes what it takes; nothing where there is no limit. */
export function QuotaRoom({ lines, takes }: { lines: readonly Line[]; takes: Amount }) {
  const limited = lines.flatMap(({ counted, limit, inUse }) => {
    const more = takes[counted]
    return limit == null || more === undefined ? [] : { counted, limit, inUse, more, left: limit - inUse - more }
  })
  if (limited.length === 0) return null
  return (
    <section aria-label="Quota" className="flex flex-col gap-3 border-t pt-3">
      <p className="text-xs text-soft">Your organisation’s quota with it</p>
      {limited.map(({ counted, limit, inUse, more, left }) => (
        <div key={counted}>
          <Meter
            label={COUNTED[counted]}
            value={inUse + more}
            max={limit}
            text={left < 0 ? `${amount(counted, -left)} too much` : `${amount(counted, left)} left`}
            mark={inUse}
          />
          <p className={left < 0 ? 'mt-1 text-xs text-warn' : 'mt-1 text-xs text-faint'}>
            {amount(counted, inUse)} in use, this takes {amount(counted, more)}, of {amount(counted, limit)}
          </p>
        </div>
      ))}
    </section>
  )
}
