'use client'
import { Menu } from '@base-ui/react/menu'
import { Ellipsis } from 'lucide-react'
import Link from 'next/link'
import { memo } from 'react'
import { graphql, useFragment } from 'react-relay'
import type { VMRow_vm$key } from '@/__generated__/VMRow_vm.graphql'
import { doing } from '@/features/operation/words'
import { paths } from '@/lib/paths'
import { sentence } from '@/lib/sentence'
import { formatMiB, formatPercent, plural } from '@/lib/units'
import { Age } from '@/ui/Age'
import { cx } from '@/ui/cx'
import { Progress } from '@/ui/Meter'
import { Tip } from '@/ui/Tip'
import { rowMenu } from './row-menu'
import type { Usage } from './usage'
import { VMState } from './VMState'

/** Name, State, Host, vCPUs, Memory, CPU, Address, Labels, Age, between the checkbox and the menu. */
export const COLUMNS =
  'grid items-center gap-x-4 px-2 md:px-4 ' +
  'grid-cols-[2rem_minmax(0,1fr)_auto_2.25rem] ' +
  'md:grid-cols-[1.5rem_minmax(8rem,1.6fr)_9.5rem_minmax(5rem,0.9fr)_3rem_4.5rem_3.5rem_2rem] ' +
  'lg:grid-cols-[1.5rem_minmax(9rem,1.6fr)_9.5rem_minmax(6rem,0.9fr)_3rem_4.5rem_4.5rem_minmax(7rem,1fr)_minmax(7rem,1.1fr)_3.5rem_2rem]'

type Props = {
  vm: VMRow_vm$key
  index: number
  top: number
  usage?: Usage
  selected: boolean
  onToggle: (id: string) => void
}

export const VMRow = memo(function VMRow({ vm: ref, index, top, usage, selected, onToggle }: Props) {
  const vm = useFragment(
    graphql`
      fragment VMRow_vm on VM {
        id
        name
        status
        stale
        asOf
        management
        missingSince
        problem
        createdAt
        provider {
          name
          kind
        }
        hypervisorHost {
          name
        }
        configuration {
          vcpus
          memoryWantedMiB
        }
        tags {
          key
          value
        }
        activeOperation {
          id
          progress
          note
          status
          steps {
            name
            status
          }
        }
        ...VMState_vm
      }
    `,
    ref,
  )
  const { vcpus, memoryWantedMiB } = vm.configuration
  const running = vm.status === 'RUNNING'
  const operation = vm.activeOperation
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      data-row={index}
      style={{ transform: `translateY(${top}px)` }}
      className={cx(
        COLUMNS,
        'absolute inset-x-0 top-0 h-[69px] border-b border-line/70 md:h-[37px]',
        'focus-within:bg-hover/60 hover:bg-hover/60',
        selected && 'bg-brand-wash/60',
        vm.stale && 'text-faint',
      )}
    >
      <span role="cell" className="flex justify-center max-md:row-span-2">
        <input
          type="checkbox"
          aria-label={`Select ${vm.name}`}
          checked={selected}
          onChange={() => onToggle(vm.id)}
          className="size-4 accent-ink"
        />
      </span>
      <span role="cell" className="flex min-w-0 items-baseline gap-2 max-md:self-end">
        <Link prefetch={false} href={paths.vm(vm.id)} className="truncate rounded-sm font-medium hover:underline">
          {vm.name}
        </Link>
        <Marks vm={vm} doing={operation ? doing(operation) : undefined} />
      </span>
      <span role="cell" className="min-w-0 max-md:self-end">
        <VMState vm={vm} />
        {operation && (
          <Tip text={<span className="inline-block first-letter:uppercase">{doing(operation)}</span>}>
            <div className="absolute inset-x-0 -bottom-px">
              <Progress
                value={operation.progress}
                label={`${vm.name}: ${doing(operation)}`}
                className="h-0.5 rounded-none bg-transparent"
              />
            </div>
          </Tip>
        )}
      </span>
      <span role="cell" className="truncate max-md:hidden">
        {vm.provider.name}
        {vm.hypervisorHost && vm.provider.kind !== 'LIBVIRT' && vm.hypervisorHost.name !== vm.provider.name && (
          <span className="text-soft"> · {vm.hypervisorHost.name}</span>
        )}
        {vm.stale && (
          <>
            {' '}
            · <Age of={vm.asOf} short />
          </>
        )}
      </span>
      <span role="cell" className="text-right tabular-nums max-md:hidden">
        {vcpus}
      </span>
      <span role="cell" className="text-right tabular-nums max-md:hidden">
        {formatMiB(memoryWantedMiB)}
      </span>
      <span role="cell" className="max-lg:hidden">
        {running && <Load percent={usage?.cpuPercent ?? null} />}
      </span>
      <span role="cell" className="truncate tabular-nums max-lg:hidden">
        {running && usage?.address}
        {running && (usage?.more ?? 0) > 0 && <span className="text-faint"> +{usage?.more}</span>}
      </span>
      <span role="cell" className="flex min-w-0 gap-1.5 overflow-hidden max-lg:hidden">
        {vm.tags.map(({ key, value }) => (
          <span key={key} className="truncate text-xs">
            <span className="text-faint">{key}</span>
            {value && <> {value}</>}
          </span>
        ))}
      </span>
      <span role="cell" className="text-right text-soft max-md:hidden">
        <Age of={vm.createdAt} short />
      </span>
      <span role="cell" className="flex justify-end max-md:col-start-4 max-md:row-span-2 max-md:row-start-1">
        <Menu.Trigger
          handle={rowMenu}
          payload={{ id: vm.id, name: vm.name }}
          aria-label={`Actions for ${vm.name}`}
          className="flex size-7 items-center justify-center rounded-md text-soft hover:bg-hover hover:text-ink data-popup-open:bg-hover pointer-coarse:size-10"
        >
          <Ellipsis aria-hidden className="size-4" />
        </Menu.Trigger>
      </span>
      <span aria-hidden className="col-start-2 col-end-4 row-start-2 truncate self-start text-xs text-soft md:hidden">
        {[vm.provider.name, plural(vcpus, 'vCPU'), formatMiB(memoryWantedMiB), running && usage?.address]
          .filter(Boolean)
          .join(' · ')}
        {vm.stale && (
          <>
            {' '}
            · <Age of={vm.asOf} short />
          </>
        )}
      </span>
    </div>
  )
})

type MarksProps = {
  vm: { management: string; missingSince: string | null | undefined; problem: string }
  doing: string | undefined
}

/** What is unusual about a VM, in one word each. */
function Marks({ vm: { management, missingSince, problem }, doing }: MarksProps) {
  return (
    <>
      {management === 'DISCOVERED' && <Mark word="discovered" tip="Found on its host; adopt it to manage it." />}
      {missingSince && (
        <Mark word="missing" warn tip="Its host's lists lack it; after three of them it is forgotten." />
      )}
      {problem && doing && (
        <Mark word="busy" tip={`${sentence(doing)} What its host cannot tell meanwhile comes after it.`} />
      )}
      {problem && !doing && <Mark word="incomplete" warn tip={sentence(problem)} />}
    </>
  )
}

function Mark({ word, tip, warn }: { word: string; tip: string; warn?: boolean }) {
  return (
    <Tip text={tip}>
      <span className={cx('shrink-0 rounded-sm border px-1 text-2xs', warn ? 'border-warn/50 text-warn' : 'text-soft')}>
        {word}
      </span>
    </Tip>
  )
}

function Load({ percent }: { percent: number | null }) {
  return (
    <span className="flex items-center gap-1.5">
      <span aria-hidden className="h-1 w-6 overflow-hidden rounded-full bg-hover">
        <span
          className={cx('block h-full rounded-full', (percent ?? 0) > 90 ? 'bg-warn' : 'bg-soft')}
          style={{ width: `${percent ?? 0}%` }}
        />
      </span>
      <span className="text-xs tabular-nums">{formatPercent(percent)}</span>
    </span>
  )
}
