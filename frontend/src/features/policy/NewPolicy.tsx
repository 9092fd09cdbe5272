'use client'
import { useState } from 'react'
import { graphql } from 'react-relay'
import type { NewPolicyMutation } from '@/__generated__/NewPolicyMutation.graphql'
import { useAction } from '@/relay/use-action'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { cx } from '@/ui/cx'
import { Check } from '@/ui/fields'
import { Section } from '@/ui/page'
import { toast } from '@/ui/Toasts'
import { type Draft, PolicyEditor, useUnsaved } from './PolicyEditor'
import type { Starter } from './starters'

const EMPTY: Draft = { name: '', text: '' }

type Props = {
  starters: readonly Starter[]
  mayNot?: string
  onUnsaved: (unsaved: boolean) => void
  onDone: () => void
  onClose: () => void
}

/** A policy from nothing, or from an example. */
export function NewPolicy({ starters, mayNot, onUnsaved, onDone, onClose }: Props) {
  const [draft, setDraft] = useState(EMPTY)
  const [enabled, setEnabled] = useState(true)
  const [wanted, setWanted] = useState<Starter | null>(null)
  const [add, busy] = useAction<NewPolicyMutation>(graphql`
    mutation NewPolicyMutation($input: AddPolicyInput!) {
      addPolicy(input: $input) {
        policy {
          ...PolicyRow_policy
        }
      }
    }
  `)
  const begun = starters.find(({ text }) => text === draft.text)
  // An example is there again with one click.
  useUnsaved(draft.text.trim() !== '' && !begun, onUnsaved)
  const take = (starter: Starter) => {
    setWanted(null)
    setDraft(({ name }) => ({
      // A name of one’s own stays.
      name: name && !starters.some((each) => each.name === name) ? name : starter.name,
      text: starter.text,
    }))
  }
  const save = () =>
    add({ input: { ...draft, name: draft.name.trim(), enabled } }).then(() => {
      toast(`${draft.name.trim()} is added${enabled ? ', and counts' : ''}.`)
      onDone()
    })
  return (
    <Section title="New policy" className="mb-8">
      <PolicyEditor
        label="New policy"
        draft={draft}
        onDraft={setDraft}
        onSave={save}
        save="Add the policy"
        busy={busy}
        mayNot={mayNot}
        onClose={onClose}
        below={
          <Check
            label="It counts at once"
            hint="Else it is kept, and counts when it is switched on."
            checked={enabled}
            onChange={setEnabled}
          />
        }
      >
        <fieldset className="min-w-0">
          <legend className="mb-1 text-xs font-medium text-soft">Begin with an example</legend>
          <div className="grid grid-cols-2 gap-2 lg:grid-cols-3">
            {starters.map((starter) => (
              <button
                key={starter.name}
                type="button"
                aria-pressed={begun === starter}
                onClick={() => (draft.text.trim() === '' || begun ? take(starter) : setWanted(starter))}
                className={cx(
                  'flex flex-col rounded-md border px-3 py-2 text-left',
                  begun === starter ? 'border-ink bg-surface ring-1 ring-ink' : 'border-edge/60 hover:border-edge',
                )}
              >
                <span className="block font-medium">{starter.title}</span>
                <span className="block text-xs text-faint max-sm:sr-only">{starter.tells}</span>
              </button>
            ))}
          </div>
        </fieldset>
      </PolicyEditor>
      {wanted && (
        <ConfirmDialog
          title={`Begin with “${wanted.title}”?`}
          label="Replace the text"
          danger
          onClose={() => setWanted(null)}
          onConfirm={() => take(wanted)}
        >
          What you have written is replaced.
        </ConfirmDialog>
      )}
    </Section>
  )
}
