'use client'
import { ChevronRight } from 'lucide-react'
import Link from 'next/link'
import { useState } from 'react'
import { graphql, useFragment } from 'react-relay'
import type { PolicyRow_policy$data, PolicyRow_policy$key } from '@/__generated__/PolicyRow_policy.graphql'
import type { PolicyRowSaveMutation } from '@/__generated__/PolicyRowSaveMutation.graphql'
import type { PolicyRowSwitchMutation } from '@/__generated__/PolicyRowSwitchMutation.graphql'
import { paths } from '@/lib/paths'
import { faultOf } from '@/relay/fault'
import { useAction } from '@/relay/use-action'
import { Age } from '@/ui/Age'
import { Button } from '@/ui/Button'
import { CodeBlock } from '@/ui/Code'
import { cx } from '@/ui/cx'
import { Notice } from '@/ui/FaultNote'
import { Switch } from '@/ui/Switch'
import { toast, toastFault } from '@/ui/Toasts'
import { PolicyEditor, useUnsaved } from './PolicyEditor'
import { RemovePolicyDialog } from './RemovePolicyDialog'

type Props = {
  policy: PolicyRow_policy$key
  open: boolean
  onOpen: (open: boolean) => void
  /** What was open is saved, or gone. */
  onSaved: () => void
  onUnsaved: (unsaved: boolean) => void
  mayNot?: string
  /** Something has changed: all of them are read again. */
  onChange: () => void
}

/** A policy in a line, with its switch; opened, its text to change. */
export function PolicyRow({ policy: ref, open, onOpen, onSaved, onUnsaved, mayNot, onChange }: Props) {
  const policy = useFragment(
    graphql`
      fragment PolicyRow_policy on Policy {
        id
        name
        text
        enabled
        version
        changedBy
        updatedAt
      }
    `,
    ref,
  )
  const [turn, turning] = useAction<PolicyRowSwitchMutation>(graphql`
    mutation PolicyRowSwitchMutation($input: UpdatePolicyInput!) {
      updatePolicy(input: $input) {
        policy {
          ...PolicyRow_policy
        }
      }
    }
  `)
  const { id, name, text, enabled, version, changedBy, updatedAt } = policy
  const onSwitch = (on: boolean) =>
    turn({ input: { id, enabled: on, ifVersion: version } })
      .catch((cause) => toastFault(faultOf(cause).facts, `${name} was not switched ${on ? 'on' : 'off'}`))
      .finally(onChange)
  return (
    <li className="border-b border-line/70">
      <div className="grid grid-cols-[1.5rem_minmax(0,1fr)_auto] items-center gap-x-3 py-2">
        <button
          type="button"
          aria-expanded={open}
          aria-label={`${mayNot ? 'Text of' : 'Edit'} ${name}`}
          onClick={() => onOpen(!open)}
          className="flex size-6 items-center justify-center rounded-sm text-soft hover:bg-hover pointer-coarse:-ml-2 pointer-coarse:size-9"
        >
          <ChevronRight aria-hidden className={cx('size-4 transition-transform', open && 'rotate-90')} />
        </button>
        <div className={cx('min-w-0', !enabled && 'text-soft')}>
          <p className="truncate font-medium">{name}</p>
          <p className="text-xs text-soft wrap-anywhere">
            {summary(text) && <>{summary(text)} · </>}
            {changedBy}, <Age of={updatedAt} />
          </p>
        </div>
        <div className="flex items-center gap-1.5">
          <span aria-hidden className="text-xs text-soft max-sm:hidden">
            {enabled ? 'Counts' : 'Off'}
          </span>
          <Switch label={`${name} counts`} on={enabled} busy={turning} disabledReason={mayNot} onChange={onSwitch} />
        </div>
      </div>
      {open && (
        <div className="mb-5 md:ml-9">
          {mayNot ? (
            <CodeBlock label={`Text of ${name}`} text={text} />
          ) : (
            <Change
              policy={policy}
              onClose={() => onOpen(false)}
              onSaved={onSaved}
              onUnsaved={onUnsaved}
              onChange={onChange}
            />
          )}
        </div>
      )}
    </li>
  )
}

/** What a policy says of itself: the comment that it begins with. */
const summary = (text: string) => /^\s*\/\/\s*(.*)/.exec(text)?.[1]?.trim()

type ChangeProps = {
  policy: Omit<PolicyRow_policy$data, ' $fragmentType'>
  onClose: () => void
  onSaved: () => void
  onUnsaved: (unsaved: boolean) => void
  onChange: () => void
}

function Change({ policy, onClose, onSaved, onUnsaved, onChange }: ChangeProps) {
  const { id, name, text, version, changedBy, updatedAt } = policy
  const [base, setBase] = useState({ name, text, version })
  const [draft, setDraft] = useState({ name, text })
  const [removing, setRemoving] = useState(false)
  const [change, busy] = useAction<PolicyRowSaveMutation>(graphql`
    mutation PolicyRowSaveMutation($input: UpdatePolicyInput!) {
      updatePolicy(input: $input) {
        policy {
          ...PolicyRow_policy
        }
      }
    }
  `)
  useUnsaved(draft.name !== base.name || draft.text !== base.text, onUnsaved)
  // Somebody else has saved since this was opened. Whether it counts is no part of what is edited here.
  const theirs = base.name !== name || base.text !== text
  const save = () =>
    change({ input: { id, ...draft, name: draft.name.trim(), ifVersion: theirs ? base.version : version } }).then(
      () => {
        toast(`${draft.name.trim()} is changed.`)
        onChange()
        onSaved()
      },
      (cause) => {
        onChange()
        throw cause
      },
    )
  const now = { name, text, version }
  return (
    <>
      <PolicyEditor
        label={`Policy ${name}`}
        draft={draft}
        onDraft={setDraft}
        onSave={save}
        save="Save"
        busy={busy}
        mayNot={theirs ? 'Somebody else has changed it: say first which one is to stay.' : undefined}
        onClose={onClose}
        more={
          <>
            <Button link={<Link href={paths.audit({ target: id })} prefetch={false} />}>Who changed it</Button>
            <Button onClick={() => setRemoving(true)}>Remove</Button>
          </>
        }
        conflict={
          theirs && (
            <Notice tone="warn">
              <p className="mb-2 font-medium">
                {changedBy} has changed it meanwhile (<Age of={updatedAt} />
                ), to:
              </p>
              <CodeBlock label="What it says now" text={text} />
              <div className="mt-2 flex flex-wrap gap-2">
                <Button
                  size="sm"
                  onClick={() => {
                    setBase(now)
                    setDraft({ name, text })
                  }}
                >
                  Take theirs
                </Button>
                <Button size="sm" onClick={() => setBase(now)}>
                  Go on with mine
                </Button>
              </div>
            </Notice>
          )
        }
      />
      {removing && (
        <RemovePolicyDialog
          policy={policy}
          onDone={() => {
            toast(`${name} is removed.`)
            onChange()
            onSaved()
          }}
          onClose={() => setRemoving(false)}
        />
      )}
    </>
  )
}
