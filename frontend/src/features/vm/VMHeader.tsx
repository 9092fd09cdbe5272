'use client'
import { Ellipsis } from 'lucide-react'
import Link from 'next/link'
import { graphql, useFragment } from 'react-relay'
import type { VMHeader_vm$key } from '@/__generated__/VMHeader_vm.graphql'
import { CancelOperation } from '@/features/operation/CancelOperation'
import { doing } from '@/features/operation/words'
import { paths } from '@/lib/paths'
import { sentence } from '@/lib/sentence'
import { Age } from '@/ui/Age'
import { Button } from '@/ui/Button'
import { Notice } from '@/ui/FaultNote'
import { Menu } from '@/ui/Menu'
import { Progress } from '@/ui/Meter'
import { PageHeader } from '@/ui/page'
import { entriesOf, ICON } from './menu-entries'
import { useAct } from './VMActions'
import { VMState } from './VMState'
import { foremost, VERBS, whyNot } from './verbs'

/** What a VM is called, how it stands, what can be done with it, and what is being done. */
export function VMHeader({ vm: ref }: { vm: VMHeader_vm$key }) {
  const vm = useFragment(
    graphql`
      fragment VMHeader_vm on VM {
        id
        name
        description
        status
        stale
        asOf
        management
        missingSince
        problem
        provider {
          name
          problem {
            message
            remedy
          }
        }
        hypervisorHost {
          id
        }
        activeOperation {
          id
          status
          note
          progress
          steps {
            name
            status
          }
          actions {
            name
            allowed
            reason
            remedy
          }
        }
        actions {
          name
          allowed
          reason
          remedy
        }
        ...VMState_vm
      }
    `,
    ref,
  )
  const act = useAct()
  const first = VERBS.find((verb) => verb.name === foremost(vm.status))
  const adopt = vm.management === 'DISCOVERED' ? 'adoptVM' : undefined
  const verb = adopt ? VERBS.find((each) => each.name === adopt) : first
  return (
    <>
      <PageHeader
        title={vm.name}
        crumbs={
          <>
            <Link href={paths.vms()} className="hover:underline">
              Virtual machines
            </Link>{' '}
            /
          </>
        }
        beside={<VMState vm={vm} focusable />}
        note={
          <>
            on{' '}
            {vm.hypervisorHost ? (
              <Link
                href={paths.host(vm.hypervisorHost.id)}
                prefetch={false}
                className="text-ink underline decoration-line underline-offset-2 hover:decoration-current"
              >
                {vm.provider.name}
              </Link>
            ) : (
              vm.provider.name
            )}
            {vm.description && <> · {vm.description}</>}
          </>
        }
        actions={
          <>
            {verb && (
              <Button
                look={verb.danger ? 'danger' : 'primary'}
                icon={<span className="[&_svg]:size-3.5">{ICON[verb.name]}</span>}
                disabledReason={whyNot(vm.actions, verb.name)}
                onClick={() => act(verb.name, vm)}
              >
                {verb.label}
              </Button>
            )}
            <Button
              link={<Link href={paths.vm(vm.id, 'console')} prefetch={false} scroll={false} />}
              icon={<span className="[&_svg]:size-3.5">{ICON.openConsole}</span>}
            >
              Console
            </Button>
            <Menu
              trigger={
                <Button aria-label={`More actions for ${vm.name}`}>
                  <Ellipsis aria-hidden className="size-4" />
                </Button>
              }
              entries={entriesOf(vm.actions, (name) => act(name, vm))}
            />
          </>
        }
      />
      <div className="flex flex-col gap-2 px-4 pb-2 empty:hidden md:px-6">
        {vm.activeOperation && (
          <div className="flex max-w-xl items-center gap-3">
            <Link
              href={paths.operations(vm.activeOperation.id)}
              className="flex min-w-0 flex-1 items-center gap-3 text-xs text-soft hover:text-ink"
            >
              <span className="inline-block min-w-0 truncate first-letter:uppercase">{doing(vm.activeOperation)}</span>
              <Progress
                value={vm.activeOperation.progress}
                label={doing(vm.activeOperation)}
                className="min-w-24 flex-1"
              />
            </Link>
            <CancelOperation operation={vm.activeOperation} what={doing(vm.activeOperation)} />
          </div>
        )}
        {vm.stale && (
          <Notice tone="warn">
            <p className="font-medium">
              {vm.provider.name} does not answer: what you see is the last known, <Age of={vm.asOf} />.
            </p>
            {vm.provider.problem && (
              <p className="text-soft">{sentence(vm.provider.problem.remedy || vm.provider.problem.message)}</p>
            )}
          </Notice>
        )}
        {vm.missingSince && (
          <Notice tone="warn">
            Its host does not list it any more (first seen <Age of={vm.missingSince} />
            ). After three such lists it is forgotten here.
          </Notice>
        )}
        {/* A host that is at work on a VM cannot always tell all of it meanwhile: that is no problem. */}
        {vm.problem && !vm.activeOperation && <Notice tone="warn">{sentence(vm.problem)}</Notice>}
        {vm.management === 'DISCOVERED' && (
          <Notice>It was found on its host. Adopt it to act on it; nothing in it changes by that.</Notice>
        )}
      </div>
    </>
  )
}
