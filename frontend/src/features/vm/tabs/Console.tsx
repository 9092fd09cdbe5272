'use client'
import { graphql } from 'react-relay'
import type { ConsoleQuery } from '@/__generated__/ConsoleQuery.graphql'
import { useURLState } from '@/lib/use-url'
import { useReading } from '@/relay/use-reading'
import { Button } from '@/ui/Button'
import { cx } from '@/ui/cx'
import { Empty } from '@/ui/page'
import { State } from '@/ui/State'
import { Screen } from '../console/Screen'
import { SerialLine } from '../console/SerialLine'
import { type ConsoleState, useConsole } from '../console/use-console'
import { useAct } from '../VMActions'
import { whyNot } from '../verbs'

const WORD: Record<ConsoleState, { tone: 'busy' | 'good' | 'idle' | 'bad'; word: string }> = {
  opening: { tone: 'busy', word: 'Connecting' },
  open: { tone: 'good', word: 'Connected' },
  closed: { tone: 'idle', word: 'Disconnected' },
  failed: { tone: 'bad', word: 'Failed' },
}

/** The screen or the serial line of a VM, in the page. */
export function Console({ id }: { id: string }) {
  const { vm } = useReading<ConsoleQuery>(
    graphql`
      query ConsoleQuery($id: ID!) {
        vm(id: $id) {
          id
          name
          status
          hypervisorConfig {
            vnc
            serialConsole
          }
          actions {
            name
            allowed
            reason
            remedy
          }
        }
      }
    `,
    { id },
  )
  const [params, setParams] = useURLState()
  const act = useAct()
  if (!vm) return null
  const { vnc, serialConsole } = vm.hypervisorConfig
  const refused = whyNot(vm.actions, 'openConsole')
  if (refused)
    return (
      <Empty
        title="No console now"
        action={
          whyNot(vm.actions, 'startVM') === undefined && (
            <Button onClick={() => act('startVM', vm)}>Start {vm.name}</Button>
          )
        }
      >
        {refused}
      </Empty>
    )
  if (!vnc && !serialConsole)
    return <Empty title="It has no console">Neither a screen nor a serial line is part of it.</Empty>
  const kind = params.get('console') === 'serial' || !vnc ? 'SERIAL' : 'VNC'
  return (
    <>
      <fieldset className="mb-3 flex gap-1">
        <legend className="sr-only">Which console</legend>
        {(['VNC', 'SERIAL'] as const).map((each) => (
          <Button
            key={each}
            size="sm"
            aria-pressed={kind === each}
            className={cx(kind === each && 'ring-1 ring-ink')}
            disabledReason={
              each === 'VNC' && !vnc
                ? 'It has no screen.'
                : each === 'SERIAL' && !serialConsole
                  ? 'It has no serial line.'
                  : undefined
            }
            onClick={() => setParams({ console: each === 'SERIAL' ? 'serial' : null }, 'replace')}
          >
            {each === 'VNC' ? 'Screen' : 'Serial line'}
          </Button>
        ))}
      </fieldset>
      <Session key={kind} id={vm.id} name={vm.name} kind={kind} />
    </>
  )
}

function Session({ id, name, kind }: { id: string; name: string; kind: 'VNC' | 'SERIAL' }) {
  const { url, state, why, final, onState, again } = useConsole(id, kind)
  const over = state === 'closed' || state === 'failed'
  return (
    <div data-console>
      <div className="mb-2 flex min-h-7 flex-wrap items-center gap-x-4 gap-y-1">
        <span role="status">
          <State {...WORD[state]} />
        </span>
        {over && (
          <span className="text-soft">
            {why} {!final && 'It is tried again by itself.'}
          </span>
        )}
        {over && (
          <Button size="sm" onClick={again}>
            Connect now
          </Button>
        )}
      </div>
      {url && kind === 'VNC' && <Screen key={url} url={url} name={name} onState={onState} />}
      {url && kind === 'SERIAL' && <SerialLine key={url} url={url} name={name} onState={onState} />}
      {!url && <div className="h-[min(60dvh,32rem)] rounded-md bg-black" />}
    </div>
  )
}
