'use client'
import { Component, type ReactNode } from 'react'
import { type Fault, faultOf } from '@/relay/fault'
import { Button } from '@/ui/Button'
import { FaultNote } from '@/ui/FaultNote'

type State = { fault: Fault | null; tries: number }

/** A part of a page that fails says so in its own place, and can be tried again; `silent` only goes away. */
export class Boundary extends Component<{ children: ReactNode; silent?: boolean }, State> {
  state: State = { fault: null, tries: 0 }

  static getDerivedStateFromError(error: unknown) {
    return { fault: faultOf(error) }
  }

  render() {
    const { fault, tries } = this.state
    if (!fault)
      return (
        <div key={tries} className="contents">
          {this.props.children}
        </div>
      )
    if (this.props.silent) return null
    return (
      <div className="max-w-2xl p-4 md:p-6">
        <FaultNote fault={fault.facts}>
          <Button size="sm" onClick={() => this.setState({ fault: null, tries: tries + 1 })}>
            Try again
          </Button>
        </FaultNote>
      </div>
    )
  }
}
