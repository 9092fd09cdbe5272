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
          provider {
            id
            name
            features {
              name
              supported
            }
          }
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
  const can = (feature: string) => vm.provider.features.some(({ name, supported }) => supported && name === feature)
  const noScreen = !vm.hypervisorConfig.vnc
    ? 'It has no screen.'
    : can('vnc')
      ? undefined
      : `The connection to ${vm.provider.name} cannot carry a screen; one by SSH or to the local host can.`
  const noLine = !vm.hypervisorConfig.serialConsole
    ? 'It has no serial line.'
    : can('serialConsole')
      ? undefined
      : `The connection to ${vm.provider.name} cannot carry a serial line.`
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
  if (noScreen && noLine)
    return (
      <Empty title="It has no console">
        {noScreen} {noLine}
      </Empty>
    )
  const kind = noScreen || (params.get('console') === 'serial' && !noLine) ? 'SERIAL' : 'VNC'
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
            disabledReason={each === 'VNC' ? noScreen : noLine}
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
  const { url, state, why, final, onState, again, takeOver } = useConsole(id, kind)
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
        {/* A screen is shared; of a serial line there is one session. */}
        {over && kind === 'SERIAL' && /somebody else has this console open/i.test(why) && (
          <Button size="sm" onClick={takeOver}>
            Take it over
          </Button>
        )}
      </div>
      {url && kind === 'VNC' && <Screen key={url} url={url} name={name} onState={onState} />}
      {url && kind === 'SERIAL' && <SerialLine key={url} url={url} name={name} onState={onState} />}
      {!url && <div className="h-[min(60dvh,32rem)] rounded-md bg-black" />}
    </div>
  )
}
