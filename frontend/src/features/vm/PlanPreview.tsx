import { sentence } from '@/lib/sentence'
import { cx } from '@/ui/cx'
import { State, type Tone } from '@/ui/State'
import { applyOffer, fieldName, fieldValue, type Impact, type PlannedChange } from './plan'

const IMPACT: Record<Impact, { tone: Tone; word: string }> = {
  NONE: { tone: 'idle', word: 'As it is' },
  LIVE: { tone: 'good', word: 'Live' },
  RESTART: { tone: 'held', word: 'With the next start' },
  IMPOSSIBLE: { tone: 'bad', word: 'Impossible' },
}

type Props = {
  plan: { readonly impact: Impact; readonly changes: readonly PlannedChange[] } | null
  planning: boolean
  nothing: boolean
  textOnly: boolean
}

/** For each changed field: from what to what, how it reaches the VM, and why so. */
export function PlanPreview({ plan, planning, nothing, textOnly }: Props) {
  return (
    <section aria-label="Plan" aria-busy={planning} className="rounded-lg border bg-surface p-4">
      <h2 className="mb-2 font-semibold">What it would mean</h2>
      {nothing && <p className="text-soft">Nothing is changed yet.</p>}
      {!nothing && textOnly && <p className="text-soft">Text and labels are saved at once; the VM does not notice.</p>}
      {!nothing && !plan && <p className="text-soft">{planning ? 'Asking the host …' : 'There is no plan.'}</p>}
      {!nothing && plan && (
        <>
          <ul aria-live="polite" className={cx('flex flex-col gap-3 transition-opacity', planning && 'opacity-60')}>
            {plan.changes.map((change) => (
              <li key={change.field}>
                <p className="flex flex-wrap items-baseline justify-between gap-x-3">
                  <span>
                    {fieldName(change.field)}:{' '}
                    <span className="text-soft">{fieldValue(change.field, change.current)} →</span>{' '}
                    <span className="font-medium">{fieldValue(change.field, change.wanted)}</span>
                  </span>
                  <State {...IMPACT[change.impact]} className="text-xs" />
                </p>
                <p className="text-xs text-soft">{sentence(change.reason)}</p>
              </li>
            ))}
          </ul>
          {plan.changes.length > 0 && (
            <p className="mt-3 border-t pt-2 text-soft">{applyOffer(plan.impact, plan.changes).note}</p>
          )}
        </>
      )}
    </section>
  )
}
