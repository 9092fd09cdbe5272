import { ChevronRight } from 'lucide-react'
import type { ReactNode } from 'react'

/** What few need, one click away. Its fields stay in the page, so that a fault in them can be shown. */
export function More({ label, children }: { label: string; children: ReactNode }) {
  return (
    <details className="group has-aria-invalid:open">
      <summary className="flex w-fit list-none items-center gap-1 rounded-sm text-soft hover:text-ink [&::-webkit-details-marker]:hidden">
        <ChevronRight aria-hidden className="size-4 transition-transform group-open:rotate-90" />
        {label}
      </summary>
      <div className="mt-3 flex flex-col gap-4">{children}</div>
    </details>
  )
}
