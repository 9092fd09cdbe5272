'use client'
import { useEffect, useState } from 'react'
import { graphql, useFragment } from 'react-relay'
import type { Overview_vm$key } from '@/__generated__/Overview_vm.graphql'
import type { OverviewQuery } from '@/__generated__/OverviewQuery.graphql'
import type { OverviewWithdrawMutation } from '@/__generated__/OverviewWithdrawMutation.graphql'
import { sentence } from '@/lib/sentence'
import { formatBytes, formatMiB, formatPercent, formatRate, plural } from '@/lib/units'
import { useReading } from '@/relay/use-reading'
import { Age } from '@/ui/Age'
import { Button } from '@/ui/Button'
import { CopyText } from '@/ui/Copy'
import { FaultNote, Notice } from '@/ui/FaultNote'
import { Meter } from '@/ui/Meter'
import { Facts, Section } from '@/ui/page'
import { fieldName, fieldValue } from '../plan'
import { memoryWords, vcpusWords, withdrawal } from '../size'
import { useVerb } from '../use-verb'
import { whyNot } from '../verbs'

const EVERY = 5_000

/** The facts of a VM; those of this moment are asked again every five seconds while it is looked at. */
export function Overview({ id }: { id: string }) {
  const [fetchKey, setFetchKey] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && setFetchKey((key) => key + 1), EVERY)
    return () => clearInterval(timer)
  }, [])
  const { vm } = useReading<OverviewQuery>(
    graphql`
      query OverviewQuery($id: ID!) {
        vm(id: $id) {
          status
          stale
          statusReason
          ...Overview_vm
          addresses {
            address
            source
          }
          guest {
            hostname
            os
            asOf
            fileSystems {
              mount
              type
              totalBytes
              usedBytes
            }
          }
          metrics {
            asOf
            cpuPercent
            memoryUsedMiB
            memoryMiB
            memoryHostMiB
            diskReadBytesPerSecond
            diskWriteBytesPerSecond
            networkReceiveBytesPerSecond
            networkTransmitBytesPerSecond
          }
        }
      }
    `,
    { id },
    fetchKey,
  )
  if (!vm) return null
  const silence = silenceOf(vm)
  return (
    <div className="grid gap-x-10 gap-y-8 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <div className="flex min-w-0 flex-col gap-8">
        <Pending vm={vm} />
        <About vm={vm} addresses={vm.addresses ?? []} />
      </div>
      <div className="flex min-w-0 flex-col gap-8">
        <Now metrics={vm.metrics} silence={silence} />
        <Guest guest={vm.guest} silence={silence} />
      </div>
    </div>
  )
}

/** Why there is nothing to tell of this moment; undefined when there should be. */
function silenceOf({ stale, status, statusReason }: { stale: boolean; status: string; statusReason: string }) {
  if (stale || status === 'UNKNOWN') return sentence(statusReason) || 'Nobody can tell: its host does not answer.'
  return status === 'RUNNING' || status === 'PAUSED' ? undefined : 'It does not run.'
}

const fragment = graphql`
  fragment Overview_vm on VM {
    id
    name
    version
    hypervisorType
    providerRef
    providerState
    observedStatus
    asOf
    createdAt
    management
    configuration {
      vcpus
      vcpusMax
      memoryMiB
      memoryWantedMiB
      memoryMaxMiB
    }
    hypervisorConfig {
      accelerator
      machineType
      firmware
      architecture
      autostart
      guestAgent
    }
    pendingChanges {
      field
      current
      next
    }
    tags {
      key
      value
    }
    actions {
      name
      allowed
      reason
      remedy
    }
  }
`

function About({
  vm: ref,
  addresses,
}: {
  vm: Overview_vm$key
  addresses: readonly { address: string; source: string }[]
}) {
  const vm = useFragment(fragment, ref)
  const { accelerator, machineType, firmware, architecture, autostart } = vm.hypervisorConfig
  return (
    <Section title="About">
      <Facts
        items={[
          [
            'Addresses',
            addresses.length > 0 ? (
              <ul>
                {addresses.map(({ address }) => (
                  <li key={address}>
                    <CopyText text={address} what={`address ${address}`} />
                  </li>
                ))}
              </ul>
            ) : (
              <span className="text-faint">None known</span>
            ),
          ],
          ['vCPUs', vcpusWords(vm.configuration)],
          ['Memory', memoryWords(vm.configuration)],
          [
            'Runs on',
            [
              vm.hypervisorType,
              accelerator && accelerator !== vm.hypervisorType ? `by ${accelerator}` : '',
              architecture,
            ]
              .filter(Boolean)
              .join(' · '),
          ],
          ['Machine', [machineType, firmware].filter(Boolean).join(' · ')],
          ['Starts with host', autostart ? 'Yes' : 'No'],
          [
            'Labels',
            vm.tags.length > 0 ? (
              <ul className="flex flex-wrap gap-x-3">
                {vm.tags.map(({ key, value }) => (
                  <li key={key}>
                    <span className="text-soft">{key}</span> {value}
                  </li>
                ))}
              </ul>
            ) : (
              <span className="text-faint">None</span>
            ),
          ],
          [
            'Provider’s id',
            vm.providerRef ? <CopyText key="ref" text={vm.providerRef} what="provider’s id" mono /> : NOT_YET,
          ],
          [
            'Provider’s word',
            <>
              {vm.providerState || 'nothing yet'}, <Age of={vm.asOf} />
            </>,
          ],
          [vm.management === 'DISCOVERED' ? 'Found' : 'Known since', <Age key="age" of={vm.createdAt} />],
        ]}
      />
    </Section>
  )
}

const NOT_YET = <span className="text-faint">Not there yet</span>

function Pending({ vm: ref }: { vm: Overview_vm$key }) {
  const { id, name, version, configuration, pendingChanges, actions } = useFragment(fragment, ref)
  const { run, busy, fault } = useVerb<OverviewWithdrawMutation>(
    graphql`
      mutation OverviewWithdrawMutation($input: UpdateVMInput!) {
        updateVM(input: $input) {
          operation {
            ...vmPower_operation @relay(mask: false)
          }
          vm {
            ...Overview_vm
          }
        }
      }
    `,
    `Withdraw what waits for the next start of ${name}`,
    () => {},
  )
  if (pendingChanges.length === 0) return null
  const running = withdrawal(configuration, pendingChanges)
  return (
    <Notice tone="warn">
      <p className="font-medium">{plural(pendingChanges.length, 'change')} will come with its next start</p>
      <ul className="mt-1">
        {pendingChanges.map(({ field, current, next }) => (
          <li key={field}>
            {fieldName(field)}: {fieldValue(field, current)} →{' '}
            <strong className="font-medium">{fieldValue(field, next)}</strong>
          </li>
        ))}
      </ul>
      {running && (
        <Button
          size="sm"
          className="mt-2"
          busy={busy}
          disabledReason={whyNot(actions, 'updateVM')}
          onClick={() => run({ input: { id, ...running, ifVersion: version, allowRestart: true } })}
        >
          Withdraw
        </Button>
      )}
      {fault && (
        <div className="mt-2">
          <FaultNote fault={fault} />
        </div>
      )}
    </Notice>
  )
}

type Metrics = NonNullable<OverviewQuery['response']['vm']>['metrics']

function Now({ metrics, silence }: { metrics: Metrics; silence?: string }) {
  return (
    <Section
      title="At this moment"
      actions={
        metrics && (
          <span className="text-xs text-soft">
            <Age of={metrics.asOf} />
          </span>
        )
      }
    >
      {metrics ? (
        <div className="flex flex-col gap-4 pt-1">
          <Meter label="CPU" value={metrics.cpuPercent ?? null} max={100} text={formatPercent(metrics.cpuPercent)} />
          <Meter
            label="Memory"
            value={metrics.memoryUsedMiB ?? null}
            max={metrics.memoryMiB}
            text={
              metrics.memoryUsedMiB == null
                ? `${formatMiB(metrics.memoryMiB)}; the guest does not say`
                : `${formatMiB(metrics.memoryUsedMiB)} of ${formatMiB(metrics.memoryMiB)}`
            }
          />
          <Facts
            items={[
              ['Disk read', formatRate(metrics.diskReadBytesPerSecond)],
              ['Disk write', formatRate(metrics.diskWriteBytesPerSecond)],
              ['Received', formatRate(metrics.networkReceiveBytesPerSecond)],
              ['Sent', formatRate(metrics.networkTransmitBytesPerSecond)],
            ]}
          />
        </div>
      ) : (
        <p className="text-soft">{silence ?? 'Not known yet.'}</p>
      )}
    </Section>
  )
}

type GuestFacts = NonNullable<OverviewQuery['response']['vm']>['guest']

function Guest({ guest, silence }: { guest: GuestFacts; silence?: string }) {
  return (
    <Section title="Guest">
      {guest ? (
        <>
          <Facts
            items={[
              ['Name', guest.hostname],
              ['System', guest.os],
            ]}
          />
          <div className="mt-4 flex flex-col gap-3">
            {guest.fileSystems.map(({ mount, type, totalBytes, usedBytes }) => (
              <Meter
                key={mount}
                label={`${mount} (${type})`}
                value={usedBytes}
                max={totalBytes}
                text={`${formatBytes(usedBytes)} of ${formatBytes(totalBytes)}`}
              />
            ))}
          </div>
        </>
      ) : (
        <p className="text-soft">
          {silence ??
            'No guest agent answers. With qemu-guest-agent in the guest its name, system and file systems show here.'}
        </p>
      )}
    </Section>
  )
}
