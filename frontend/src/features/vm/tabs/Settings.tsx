'use client'
import { useMemo, useState } from 'react'
import { graphql, useFragment } from 'react-relay'
import type { Settings_vm$data, Settings_vm$key } from '@/__generated__/Settings_vm.graphql'
import type { SettingsApplyMutation } from '@/__generated__/SettingsApplyMutation.graphql'
import type { SettingsQuery } from '@/__generated__/SettingsQuery.graphql'
import { formatBytes, formatMiB, parseSize } from '@/lib/units'
import { useReading } from '@/relay/use-reading'
import { Button } from '@/ui/Button'
import { Form } from '@/ui/Form'
import { TextArea, TextField } from '@/ui/fields'
import { Section } from '@/ui/page'
import { toast } from '@/ui/Toasts'
import { canGrow } from '../disk'
import { PlanPreview } from '../PlanPreview'
import { applyOffer } from '../plan'
import { formatTags, parseTags } from '../tags'
import { usePlan } from '../use-plan'
import { useVerb } from '../use-verb'
import { whyNot } from '../verbs'

const GiB = 1024 ** 3
const MiB = 1024 ** 2

/** What can be changed of a VM, with what each change would mean, before it is made. */
export function Settings({ id }: { id: string }) {
  const { vm } = useReading<SettingsQuery>(
    graphql`
      query SettingsQuery($id: ID!) {
        vm(id: $id) {
          ...Settings_vm
        }
      }
    `,
    { id },
  )
  return vm ? <Fields vm={vm} /> : null
}

const fragment = graphql`
  fragment Settings_vm on VM {
    id
    name
    description
    version
    configuration {
      vcpus
      vcpusMax
      memoryWantedMiB
      memoryMaxMiB
      disks {
        name
        device
        readOnly
        seed
        capacityBytes
      }
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

const apply = graphql`
  mutation SettingsApplyMutation($input: UpdateVMInput!) {
    updateVM(input: $input) {
      operation {
        ...vmPower_operation @relay(mask: false)
      }
      vm {
        ...Settings_vm
      }
    }
  }
`

type Draft = { vcpus?: string; memory?: string; disks: Record<string, string>; description?: string; tags?: string }

function Fields({ vm: ref }: { vm: Settings_vm$key }) {
  const vm = useFragment(fragment, ref)
  const [draft, setDraft] = useState<Draft>({ disks: {} })
  const set = (patch: Partial<Draft>) => setDraft((before) => ({ ...before, ...patch }))
  const { input, problems } = useMemo(() => inputOf(vm, draft), [vm, draft])
  const { plan, fault: planFault, planning } = usePlan(input)
  const done = () => {
    setDraft({ disks: {} })
    toast('The change is made or under way.')
  }
  const { run, busy, fault } = useVerb<SettingsApplyMutation>(apply, `Change ${vm.name}`, done)
  const refused = whyNot(vm.actions, 'updateVM')
  const offer = plan ? applyOffer(plan.impact, plan.changes) : null
  const textOnly = plan !== null && plan.changes.length === 0 && input !== null
  const problem = Object.values(problems)[0]
  const reason =
    refused ??
    problem ??
    (input === null
      ? 'Nothing is changed yet.'
      : planning
        ? 'The plan is being made.'
        : textOnly
          ? undefined
          : offer?.reason)
  const submit = () => {
    if (!reason && input && plan)
      run({ input: { ...input, ifVersion: plan.version, allowRestart: plan.impact === 'RESTART' } })
  }
  const { vcpus, vcpusMax, memoryWantedMiB, memoryMaxMiB, disks } = vm.configuration
  return (
    <Form
      fault={fault ?? planFault}
      onSubmit={submit}
      label="Settings"
      className="grid gap-x-10 gap-y-8 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]"
    >
      <div className="flex min-w-0 flex-col gap-8">
        <Section title="Size" note="Change a number to see how it would reach the VM.">
          <div className="grid gap-4 sm:grid-cols-2">
            <TextField
              label="vCPUs"
              name="vcpus"
              inputMode="numeric"
              value={draft.vcpus ?? String(vcpus)}
              onChange={(value) => set({ vcpus: value })}
              problem={problems.vcpus}
              hint={`Has ${vcpus}; up to ${vcpusMax} while it runs`}
            />
            <TextField
              label="Memory"
              name="memoryMiB"
              inputMode="decimal"
              unit={unitOf(draft.memory ?? sizeText(memoryWantedMiB * MiB))}
              value={draft.memory ?? sizeText(memoryWantedMiB * MiB)}
              onChange={(value) => set({ memory: value })}
              problem={problems.memory}
              hint={`Has ${formatMiB(memoryWantedMiB)}; up to ${formatMiB(memoryMaxMiB)} while it runs`}
            />
            {disks.filter(canGrow).map((disk) => (
              <TextField
                key={disk.name}
                label={`Disk ${disk.name}`}
                name={`disks.${disk.name}`}
                inputMode="decimal"
                unit={unitOf(draft.disks[disk.name] ?? sizeText(disk.capacityBytes))}
                value={draft.disks[disk.name] ?? sizeText(disk.capacityBytes)}
                onChange={(value) => set({ disks: { ...draft.disks, [disk.name]: value } })}
                problem={problems[disk.name]}
              />
            ))}
          </div>
        </Section>
        <Section title="Description and labels">
          <div className="flex flex-col gap-4">
            <TextField
              label="Description"
              name="description"
              value={draft.description ?? vm.description}
              onChange={(value) => set({ description: value })}
            />
            <TextArea
              label="Labels"
              name="tags"
              rows={3}
              value={draft.tags ?? formatTags(vm.tags)}
              onChange={(value) => set({ tags: value })}
              hint="One a line, as key=value."
            />
          </div>
        </Section>
      </div>
      <aside aria-label="What it would mean" className="min-w-0">
        <div className="sticky top-4 flex flex-col gap-4">
          <PlanPreview plan={plan} planning={planning} nothing={input === null} textOnly={textOnly} />
          <div className="flex gap-2">
            <Button type="submit" look="primary" busy={busy} disabledReason={reason}>
              {textOnly ? 'Save' : (offer?.label ?? 'Apply')}
            </Button>
            {input !== null && <Button onClick={() => setDraft({ disks: {} })}>Discard</Button>}
          </div>
        </div>
      </aside>
    </Form>
  )
}

/** In GiB, unless it is less than one: then with its unit. */
const sizeText = (bytes: number) => (bytes < GiB ? formatBytes(bytes) : String(Number((bytes / GiB).toFixed(3))))
/** What a bare number means. */
const unitOf = (text: string) => (/[a-z]/i.test(text) ? undefined : 'GiB')

/** Only what differs from what is; null when nothing does. */
function inputOf(vm: Settings_vm$data, draft: Draft) {
  const problems: Record<string, string> = {}
  const changes: {
    vcpus?: number
    memoryMiB?: number
    disks?: { name: string; capacityBytes: number }[]
    description?: string
    tags?: { key: string; value: string }[]
  } = {}
  const { vcpus, memoryWantedMiB, disks } = vm.configuration
  if (draft.vcpus !== undefined) {
    const wanted = Number(draft.vcpus)
    if (!/^\d+$/.test(draft.vcpus.trim()) || wanted < 1) problems.vcpus = 'A whole number from 1 on.'
    else if (wanted !== vcpus) changes.vcpus = wanted
  }
  if (draft.memory !== undefined) {
    const bytes = parseSize(draft.memory)
    if (!bytes) problems.memory = 'A size, as in 4 or 512 MiB.'
    else if (Math.round(bytes / MiB) !== memoryWantedMiB) changes.memoryMiB = Math.round(bytes / MiB)
  }
  const grown = disks.flatMap(({ name, capacityBytes }) => {
    const text = draft.disks[name]
    if (text === undefined || text === sizeText(capacityBytes)) return []
    const bytes = parseSize(text)
    if (!bytes) problems[name] = 'A size, as in 40 or 1 TiB.'
    return bytes && bytes !== capacityBytes ? [{ name, capacityBytes: bytes }] : []
  })
  if (grown.length) changes.disks = grown
  if (draft.description !== undefined && draft.description !== vm.description) changes.description = draft.description
  if (draft.tags !== undefined && draft.tags.trim() !== formatTags(vm.tags)) changes.tags = parseTags(draft.tags)
  return { input: Object.keys(changes).length ? { id: vm.id, allowRestart: false, ...changes } : null, problems }
}
