'use client'
import { X } from 'lucide-react'
import { Suspense, useState } from 'react'
import { formatCount } from '@/lib/units'
import { useMayNot } from '@/relay/use-may'
import { Button, IconButton } from '@/ui/Button'
import { BulkDialog, type BulkVerb } from './BulkDialog'
import { useSelection } from './selection'
import type { VMFilter } from './vm-filter'

/** What can be done with the selected; it lies above the list's end and moves nothing. */
export function BulkBar({ filter, total }: { filter: VMFilter; total: number }) {
  const { ids, all, selectAll, clear } = useSelection()
  const [verb, setVerb] = useState<BulkVerb | null>(null)
  const count = all ? total : ids.size
  const mayNot = useMayNot('OPERATOR')
  if (count === 0) return null
  const chosen = all ? filter : { ids: [...ids] }
  return (
    <section
      aria-label="Selected virtual machines"
      className="absolute bottom-4 left-1/2 z-10 flex w-max max-w-[calc(100%-1.5rem)] -translate-x-1/2 animate-fade flex-wrap items-center gap-2 rounded-lg border border-edge/50 bg-surface p-2 pl-4 shadow-lift"
    >
      <span role="status" className="mr-1 font-medium">
        {all ? `All ${formatCount(total)} matching` : `${formatCount(count)} selected`}
      </span>
      {!all && total > count && (
        <Button size="sm" look="quiet" onClick={selectAll}>
          Select all {formatCount(total)}
        </Button>
      )}
      <Button size="sm" disabledReason={mayNot} onClick={() => setVerb('START')}>
        Start
      </Button>
      <Button size="sm" disabledReason={mayNot} onClick={() => setVerb('SHUTDOWN')}>
        Shut down
      </Button>
      <Button size="sm" disabledReason={mayNot} onClick={() => setVerb('POWER_OFF')}>
        Force off
      </Button>
      <Button size="sm" disabledReason={mayNot} onClick={() => setVerb('DELETE')}>
        Delete
      </Button>
      <IconButton label="Clear selection" onClick={clear}>
        <X aria-hidden className="size-4" />
      </IconButton>
      {verb && (
        <Suspense>
          <BulkDialog
            verb={verb}
            filter={chosen}
            onClose={() => setVerb(null)}
            onDone={() => {
              setVerb(null)
              clear()
            }}
          />
        </Suspense>
      )}
    </section>
  )
}
