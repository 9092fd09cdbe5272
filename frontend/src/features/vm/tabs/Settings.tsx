'use client'
import { useMemo, useState } from 'react'
import { graphql, useFragment } from 'react-relay'
import type { Settings_vm$data, Settings_vm$key } from '@/__generated__/Settings_vm.graphql'
import type { SettingsApplyMutation } from '@/__generated__/SettingsApplyMutation.graphql'
import type { SettingsQuery } from '@/__generated__/SettingsQuery.graphql'
import { sentence, sentences } from '@/lib/sentence'
import { formatBytes, parseSize, sizeProblem } from '@/lib/units'
import { useReading } from '@/relay/use-reading'
import { Button } from '@/ui/Button'
import { Form } from '@/ui/Form'
import { TextArea, TextField } from '@/ui/fields'
import { Section } from '@/ui/page'
import { toast } from '@/ui/Toasts'
import { canGrow } from '../disk'
import { PlanPreview } from '../PlanPreview'
import { applyOffer, fieldValue } from '../plan'
import { memoryProblem, memoryWords, runningSize, vcpusWords } from '../size'
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
      memoryMiB
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

type SizeField = keyof ReturnType<typeof runningSize>
type Draft = Partial<Record<SizeField, string>> & {
  disks: Record<string, string>
  description?: string
  tags?: string
}

function Fields({ vm: ref }: { vm: Settings_vm$key }) {
  const vm = useFragment(fragment, ref)
  const [draft, setDraft] = useState<Draft>({ disks: {} })
  const set = (patch: Partial<Draft>) => setDraft((before) => ({ ...before, ...patch }))
  const { input, problems } = useMemo(() => inputOf(vm, draft), [vm, draft])
  const wrong = Object.keys(problems).length > 0
  const { plan, fault: planFault, planning } = usePlan(wrong ? null : input)
  const done = () => {
    setDraft({ disks: {} })
    toast('The change is made or under way.')
  }
  const { run, busy, fault } = useVerb<SettingsApplyMutation>(apply, `Change ${vm.name}`, done)
  const refused = whyNot(vm.actions, 'updateVM')
  const offer = plan ? applyOffer(plan.impact, plan.changes) : null
  const textOnly = plan !== null && plan.changes.length === 0 && input !== null
  const reason =
    refused ??
    Object.values(problems)[0] ??
    (input === null
      ? 'Nothing is changed yet.'
      : planning
        ? 'The plan is being made.'
        : planFault
          ? sentences(planFault.message, planFault.remedy)
          : textOnly
            ? undefined
            : offer?.reason)
  const submit = () => {
    if (!reason && input && plan)
      run({ input: { ...input, ifVersion: plan.version, allowRestart: plan.impact === 'RESTART' } })
  }
  /** What is wrong with a field, told by us or by the plan. */
  const problem = (field: string) => {
    const impossible = plan?.changes.find((change) => change.field === field && change.impact === 'IMPOSSIBLE')
    return problems[field] ?? (impossible && !planning ? sentence(impossible.reason) : undefined)
  }
  const shown = shownSize(vm)
  const size = (field: SizeField) => ({
    name: field,
    value: draft[field] ?? shown[field],
    onChange: (value: string) => set({ [field]: value }),
    problem: problem(field),
  })
  /** What comes with the next start, below the field that it is of; asking for what runs withdraws it. */
  const hint = (field: SizeField, label: string, now?: string) => {
    const next = vm.pendingChanges.find((each) => each.field === field)?.next
    if (next === undefined) return now
    return (
      <>
        {now && <>{now}. </>}
        <span className="text-warn">With the next start: {fieldValue(field, next)}.</span>{' '}
        <button
          type="button"
          aria-label={`Withdraw: ${label}`}
          onClick={() => set({ [field]: shown[field] })}
          className="rounded-sm text-ink underline pointer-coarse:py-2"
        >
          Withdraw
        </button>
      </>
    )
  }
  return (
    <Form
      fault={fault ?? planFault}
      onSubmit={submit}
      label="Settings"
      className="grid gap-x-10 gap-y-8 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]"
    >
      <div className="flex min-w-0 flex-col gap-8">
        <Section title="Size" note="Change a number to see how it would reach the VM.">
          <div className="grid items-start gap-4 sm:grid-cols-2">
            <TextField
              label="vCPUs"
              inputMode="numeric"
              {...size('vcpus')}
              hint={hint('vcpus', 'vCPUs', vcpusWords(vm.configuration))}
            />
            <TextField
              label="Up to how many CPUs"
              inputMode="numeric"
              {...size('vcpusMax')}
              hint={hint('vcpusMax', 'up to how many CPUs', 'How far it can grow while it runs')}
            />
            <TextField
              label="Memory"
              inputMode="decimal"
              unit={unitOf(draft.memoryMiB ?? shown.memoryMiB)}
              {...size('memoryMiB')}
              hint={hint('memoryMiB', 'memory', memoryWords(vm.configuration))}
            />
            <TextField
              label="Up to how much memory"
              inputMode="decimal"
              unit={unitOf(draft.memoryMaxMiB ?? shown.memoryMaxMiB)}
              {...size('memoryMaxMiB')}
              hint={hint('memoryMaxMiB', 'up to how much memory', 'How far it can grow while it runs')}
            />
            {vm.configuration.disks.filter(canGrow).map((disk) => (
              <TextField
                key={disk.name}
                label={`Disk ${disk.name}`}
                name={`disks.${disk.name}`}
                inputMode="decimal"
                unit={unitOf(draft.disks[disk.name] ?? sizeText(disk.capacityBytes))}
                value={draft.disks[disk.name] ?? sizeText(disk.capacityBytes)}
                onChange={(value) => set({ disks: { ...draft.disks, [disk.name]: value } })}
                problem={problem(`disks.${disk.name}`)}
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
          <PlanPreview plan={plan} planning={planning} nothing={input === null && !wrong} textOnly={textOnly} />
          <div className="flex gap-2">
            <Button type="submit" look="primary" busy={busy} disabledReason={reason}>
              {textOnly ? 'Save' : (offer?.label ?? 'Apply')}
            </Button>
            {(input !== null || wrong) && <Button onClick={() => setDraft({ disks: {} })}>Discard</Button>}
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

/** The size that runs, as its fields show it. */
function shownSize({ configuration }: Settings_vm$data): Record<SizeField, string> {
  const { vcpus, vcpusMax, memoryMiB, memoryMaxMiB } = runningSize(configuration)
  return {
    vcpus: String(vcpus),
    vcpusMax: String(vcpusMax),
    memoryMiB: sizeText(memoryMiB * MiB),
    memoryMaxMiB: sizeText(memoryMaxMiB * MiB),
  }
}

/** Only what differs from what runs or from what waits for the next start; null when nothing does. */
function inputOf(vm: Settings_vm$data, draft: Draft) {
  const problems: Record<string, string> = {}
  const changes: Partial<Record<SizeField, number>> & {
    disks?: { name: string; capacityBytes: number }[]
    description?: string
    tags?: { key: string; value: string }[]
  } = {}
  const shown = shownSize(vm)
  const waits = (field: string) => vm.pendingChanges.some((each) => each.field === field)
  for (const field of ['vcpus', 'vcpusMax'] as const) {
    const text = draft[field]?.trim()
    if (text === undefined || (text === shown[field] && !waits(field))) continue
    if (!/^\d+$/.test(text) || Number(text) < 1 || Number(text) > 255) problems[field] = 'A whole number from 1 to 255.'
    else changes[field] = Number(text)
  }
  for (const field of ['memoryMiB', 'memoryMaxMiB'] as const) {
    const text = draft[field]?.trim()
    if (text === undefined || (text === shown[field] && !waits(field))) continue
    const problem = memoryProblem(text)
    // What is shown of the running size is rounded.
    const mib = text === shown[field] ? runningSize(vm.configuration)[field] : (parseSize(text) ?? 0) / MiB
    if (problem) problems[field] = problem
    else changes[field] = Math.round(mib)
  }
  const grown = vm.configuration.disks.flatMap(({ name, capacityBytes }) => {
    const text = draft.disks[name]
    if (text === undefined || text === sizeText(capacityBytes)) return []
    const problem = sizeProblem(text)
    if (problem) problems[`disks.${name}`] = problem
    const bytes = parseSize(text)
    return bytes && bytes !== capacityBytes ? [{ name, capacityBytes: bytes }] : []
  })
  if (grown.length) changes.disks = grown
  if (draft.description !== undefined && draft.description !== vm.description) changes.description = draft.description
  if (draft.tags !== undefined && draft.tags.trim() !== formatTags(vm.tags)) changes.tags = parseTags(draft.tags)
  return { input: Object.keys(changes).length ? { id: vm.id, allowRestart: false, ...changes } : null, problems }
}
