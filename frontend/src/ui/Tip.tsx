'use client'
import { Tooltip } from '@base-ui/react/tooltip'
import type { ReactElement, ReactNode } from 'react'

/** A tooltip on hover and on focus. What it says must not be needed by those who cannot see it. */
export function Tip({ text, off, children }: { text: ReactNode; off?: boolean; children: ReactElement }) {
  return (
    <Tooltip.Root disabled={off}>
      <Tooltip.Trigger render={children} delay={250} />
      <Tooltip.Portal>
        <Tooltip.Positioner sideOffset={6} className="z-50">
          <Tooltip.Popup className="max-w-72 animate-fade rounded-md bg-ink px-2 py-1 text-xs text-canvas shadow-lift">
            {text}
          </Tooltip.Popup>
        </Tooltip.Positioner>
      </Tooltip.Portal>
    </Tooltip.Root>
  )
}
