'use client'
import { Component, type ReactNode } from 'react'
import { type Fault, faultOf } from '@/relay/fault'
import { Button } from '@/ui/Button'
import { FaultNote } from '@/ui/FaultNote'

type Props = {
  children: ReactNode
  /** What it shows; another one begins without the fault of the last. */
  of?: string
  silent?: boolean
  /** What a silent one shows instead. */
  instead?: ReactNode
}
type State = { fault: Fault | null; tries: number; of?: string }

const AGAIN_AFTER = 5_000

/**
 * A part of a page that fails says so in its own place, and can be tried again; it tries by itself when the server did
 * not answer. `silent` only goes away.
 */
export class Boundary extends Component<Props, State> {
  state: State = { fault: null, tries: 0, of: this.props.of }
  timer: ReturnType<typeof setTimeout> | undefined

  static getDerivedStateFromError(error: unknown) {
    return { fault: faultOf(error) }
  }

  static getDerivedStateFromProps({ of }: Props, { of: before }: State) {
    return of === before ? null : { of, fault: null }
  }

  componentDidUpdate(_: unknown, { fault: before }: State) {
    const { fault } = this.state
    if (fault === before) return
    clearTimeout(this.timer)
    if (fault?.facts.code === 'UNAVAILABLE') this.timer = setTimeout(this.again, AGAIN_AFTER)
  }

  componentWillUnmount() {
    clearTimeout(this.timer)
  }

  again = () => this.setState(({ tries }) => ({ fault: null, tries: tries + 1 }))

  render() {
    const { fault, tries } = this.state
    if (!fault)
      return (
        <div key={tries} className="contents">
          {this.props.children}
        </div>
      )
    if (this.props.silent) return this.props.instead ?? null
    return (
      <div className="max-w-2xl p-4 md:p-6">
        <FaultNote fault={fault.facts}>
          {fault.facts.code !== 'INVALID' && (
            <Button size="sm" onClick={this.again}>
              Try again
            </Button>
          )}
        </FaultNote>
      </div>
    )
  }
}
