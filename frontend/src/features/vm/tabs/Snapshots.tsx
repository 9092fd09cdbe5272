'use client'
import { Camera } from 'lucide-react'
import { useEffect, useState } from 'react'
import { graphql } from 'react-relay'
import type { SnapshotsDeleteMutation } from '@/__generated__/SnapshotsDeleteMutation.graphql'
import type { SnapshotsQuery } from '@/__generated__/SnapshotsQuery.graphql'
import type { SnapshotsRestoreMutation } from '@/__generated__/SnapshotsRestoreMutation.graphql'
import { useOperationPulse } from '@/relay/own-operations'
import { useReading } from '@/relay/use-reading'
import { Age } from '@/ui/Age'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { cx } from '@/ui/cx'
import { FaultNote } from '@/ui/FaultNote'
import { Empty, Section } from '@/ui/page'
import { CreateSnapshotDialog } from '../CreateSnapshotDialog'
import { snapshotTree } from '../snapshot-tree'
import { statusLook } from '../status'
import { useVerb } from '../use-verb'
import type { Subject } from '../VMActions'
import { whyNot } from '../verbs'

/** The kept states of a VM as they go on from each other. The host is asked for them each time. */
export function Snapshots({ id }: { id: string }) {
  const pulse = useOperationPulse()
  const [fetchKey, setFetchKey] = useState(0)
  useEffect(() => {
    if (pulse === fetchKey) return
    const timer = setTimeout(() => setFetchKey(pulse), 700)
    return () => clearTimeout(timer)
  }, [pulse, fetchKey])
  const { vm } = useReading<SnapshotsQuery>(
    graphql`
      query SnapshotsQuery($id: ID!) {
        vm(id: $id) {
          id
          name
          status
          hypervisorConfig {
            guestAgent
          }
          snapshots @catch(to: RESULT) {
            name
            description
            parent
            current
            createdAt
            status
            memory
            external
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
    fetchKey,
  )
  const [creating, setCreating] = useState(false)
  const [asked, setAsked] = useState<{ verb: 'restore' | 'delete'; name: string } | null>(null)
  if (!vm) return null
  const told = vm.snapshots
  const rows = told.ok ? snapshotTree(told.value ?? []) : []
  const close = () => setAsked(null)
  return (
    <Section
      title="Snapshots"
      actions={
        <Button
          size="sm"
          icon={<Camera aria-hidden className="size-3.5" />}
          disabledReason={whyNot(vm.actions, 'createSnapshot')}
          onClick={() => setCreating(true)}
        >
          Take a snapshot
        </Button>
      }
    >
      {!told.ok && (
        <FaultNote
          fault={{ message: 'The host did not tell its snapshots.', remedy: 'They show here once it answers.' }}
        />
      )}
      {told.ok && rows.length === 0 && (
        <Empty icon={<Camera aria-hidden />} title="No snapshots">
          A snapshot keeps the VM as it is now, so that it can go back to it.
        </Empty>
      )}
      <ul>
        {rows.map(({ snapshot, depth }) => (
          <li
            key={snapshot.name}
            className={cx('flex flex-wrap items-center gap-x-6 gap-y-2 border-b border-line/70 py-2.5 last:border-0')}
            style={{ paddingLeft: `${Math.min(depth, 8) * 1.25}rem` }}
          >
            <div className="flex min-w-0 flex-1 basis-72 gap-2.5">
              <span
                aria-hidden
                className={cx('mt-1.5 size-2 shrink-0 rotate-45', snapshot.current ? 'bg-brand' : 'border border-edge')}
              />
              <div className="min-w-0">
                <p className="wrap-anywhere">
                  <span className="font-medium">{snapshot.name}</span>
                  {snapshot.current && <span className="ml-2 text-xs text-brand">the VM goes on from here</span>}
                </p>
                <p className="text-xs text-soft">
                  <Age of={snapshot.createdAt} /> · {statusLook(snapshot.status).word.toLowerCase()}
                  {snapshot.memory ? ' · with memory' : ' · disks only'}
                  {snapshot.external && ' · in files of its own'}
                  {snapshot.description && ` · ${snapshot.description}`}
                </p>
              </div>
            </div>
            <div className="flex gap-2">
              <Button
                size="sm"
                aria-label={`Restore ${snapshot.name}`}
                disabledReason={whyNot(vm.actions, 'restoreSnapshot')}
                onClick={() => setAsked({ verb: 'restore', name: snapshot.name })}
              >
                Restore
              </Button>
              <Button
                size="sm"
                aria-label={`Delete ${snapshot.name}`}
                disabledReason={whyNot(vm.actions, 'deleteSnapshot')}
                onClick={() => setAsked({ verb: 'delete', name: snapshot.name })}
              >
                Delete
              </Button>
            </div>
          </li>
        ))}
      </ul>
      {creating && (
        <CreateSnapshotDialog
          vm={vm}
          running={vm.status === 'RUNNING'}
          agent={vm.hypervisorConfig.guestAgent}
          onClose={() => setCreating(false)}
        />
      )}
      {asked?.verb === 'restore' && <RestoreDialog vm={vm} name={asked.name} onClose={close} />}
      {asked?.verb === 'delete' && <DeleteDialog vm={vm} name={asked.name} onClose={close} />}
    </Section>
  )
}

type AskProps = { vm: Subject; name: string; onClose: () => void }

function RestoreDialog({ vm, name, onClose }: AskProps) {
  const { run, busy, fault } = useVerb<SnapshotsRestoreMutation>(
    graphql`
      mutation SnapshotsRestoreMutation($input: RestoreSnapshotInput!) {
        restoreSnapshot(input: $input) {
          operation {
            ...vmPower_operation @relay(mask: false)
          }
        }
      }
    `,
    `Restore ${name} of ${vm.name}`,
    onClose,
  )
  return (
    <ConfirmDialog
      title={`Restore ${name}?`}
      label="Restore"
      danger
      typed={name}
      busy={busy}
      fault={fault}
      onClose={onClose}
      onConfirm={() => run({ input: { vm: vm.id, name } })}
    >
      {vm.name} goes back to what it was then. What it has done since is lost, unless a snapshot of now keeps it.
    </ConfirmDialog>
  )
}

function DeleteDialog({ vm, name, onClose }: AskProps) {
  const { run, busy, fault } = useVerb<SnapshotsDeleteMutation>(
    graphql`
      mutation SnapshotsDeleteMutation($input: DeleteSnapshotInput!) {
        deleteSnapshot(input: $input) {
          operation {
            ...vmPower_operation @relay(mask: false)
          }
        }
      }
    `,
    `Delete the snapshot ${name} of ${vm.name}`,
    onClose,
  )
  return (
    <ConfirmDialog
      title={`Delete the snapshot ${name}?`}
      label="Delete"
      danger
      busy={busy}
      fault={fault}
      onClose={onClose}
      onConfirm={() => run({ input: { vm: vm.id, name } })}
    >
      {vm.name} runs on untouched; it can no longer go back to that state.
    </ConfirmDialog>
  )
}
