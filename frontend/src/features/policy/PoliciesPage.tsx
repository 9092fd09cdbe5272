'use client'
import { Lock, Plus, Scale } from 'lucide-react'
import Link from 'next/link'
import { Suspense, useEffect, useState } from 'react'
import { graphql } from 'react-relay'
import type { PoliciesPageQuery } from '@/__generated__/PoliciesPageQuery.graphql'
import { Boundary } from '@/features/shell/Boundary'
import { paths } from '@/lib/paths'
import { useURLState } from '@/lib/use-url'
import { useMayNot } from '@/relay/use-may'
import { useReading } from '@/relay/use-reading'
import { Button } from '@/ui/Button'
import { CodeBlock } from '@/ui/Code'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { More } from '@/ui/More'
import { Bone, Empty, PageBody, PageHeader, Section } from '@/ui/page'
import { Tabs } from '@/ui/Tabs'
import { NewPolicy } from './NewPolicy'
import { PolicyRow } from './PolicyRow'
import { starters } from './starters'
import { Vocabulary } from './Vocabulary'
import { WhatMay } from './WhatMay'

const NEW = 'new'
const TABS = { all: 'Policies', ask: 'Who may what' }

/** What the organisation permits and forbids beyond its roles, and what somebody may by all of it. For administrators. */
export function PoliciesPage() {
  const mayNotLook = useMayNot('ADMIN')
  const mayNot = useMayNot('OWNER')
  const [params, setParams] = useURLState()
  const [fetchKey, setFetchKey] = useState(0)
  const tab = params.get('tab') === 'ask' ? 'ask' : 'all'
  const [unsaved, setUnsaved] = useState(false)
  const [leaving, setLeaving] = useState<{ edit: string | null } | null>(null)
  const edit = (id: string | null) => setParams({ tab: null, edit: id })
  const onEdit = (id: string | null) => (unsaved ? setLeaving({ edit: id }) : edit(id))
  useEffect(() => {
    if (!unsaved) return
    const ask = (event: BeforeUnloadEvent) => event.preventDefault()
    window.addEventListener('beforeunload', ask)
    return () => window.removeEventListener('beforeunload', ask)
  }, [unsaved])
  return (
    <>
      <PageHeader
        title="Policies"
        crumbs={
          <>
            <Link href={paths.settings()} className="hover:underline">
              Settings
            </Link>{' '}
            /
          </>
        }
        note="Beyond what the roles give."
        actions={
          <Button
            look="primary"
            icon={<Plus aria-hidden className="size-4" />}
            disabledReason={mayNot}
            onClick={() => onEdit(NEW)}
          >
            New policy
          </Button>
        }
      />
      {!mayNotLook && (
        <Tabs
          label="Views of the policies"
          current={tab}
          tabs={Object.entries(TABS).map(([key, label]) => ({
            key,
            label,
            link: <Link href={key === 'all' ? paths.policies() : `${paths.policies()}?tab=${key}`} scroll={false} />,
          }))}
        />
      )}
      <PageBody narrow>
        {mayNotLook ? (
          <Empty icon={<Lock aria-hidden />} title="Policies are for administrators to see">
            {mayNotLook}
          </Empty>
        ) : (
          <Boundary key={tab}>
            <Suspense fallback={<Bones />}>
              {tab === 'ask' ? (
                <Section
                  title="What may this person do here, and why?"
                  note="By their role and the policies, as they stand."
                  className="pt-3"
                >
                  <WhatMay params={params} onChange={(patch) => setParams(patch, 'replace')} />
                </Section>
              ) : (
                <Policies
                  fetchKey={fetchKey}
                  edit={params.get('edit')}
                  onEdit={onEdit}
                  onSaved={() => edit(null)}
                  onUnsaved={setUnsaved}
                  mayNot={mayNot}
                  onChange={() => setFetchKey((before) => before + 1)}
                />
              )}
            </Suspense>
          </Boundary>
        )}
      </PageBody>
      {leaving && (
        <ConfirmDialog
          title="Leave what you have written?"
          label="Leave it"
          danger
          onClose={() => setLeaving(null)}
          onConfirm={() => {
            edit(leaving.edit)
            setLeaving(null)
          }}
        >
          <p>It is not saved. To keep it, go back and save it.</p>
        </ConfirmDialog>
      )}
    </>
  )
}

type PoliciesProps = {
  fetchKey: number
  edit: string | null
  onEdit: (id: string | null) => void
  /** What was open is saved, or gone. */
  onSaved: () => void
  onUnsaved: (unsaved: boolean) => void
  mayNot?: string
  onChange: () => void
}

function Policies({ fetchKey, edit, onEdit, onSaved, onUnsaved, mayNot, onChange }: PoliciesProps) {
  const { policies, housePolicies, providers } = useReading<PoliciesPageQuery>(
    graphql`
      query PoliciesPageQuery {
        policies {
          id
          ...PolicyRow_policy
        }
        housePolicies
        providers {
          id
          name
        }
      }
    `,
    {},
    fetchKey,
  )
  return (
    <>
      {edit === NEW && (
        <NewPolicy
          starters={starters(providers)}
          mayNot={mayNot}
          onUnsaved={onUnsaved}
          onClose={() => onEdit(null)}
          onDone={() => {
            onChange()
            onSaved()
          }}
        />
      )}
      {policies.length === 0 && edit !== NEW && (
        <Empty
          icon={<Scale aria-hidden />}
          title="No policies yet"
          action={
            <Button disabledReason={mayNot} onClick={() => onEdit(NEW)}>
              Begin with an example
            </Button>
          }
        >
          The roles alone decide. What they are too coarse for is written in Cedar: to keep production from being
          deleted, or to let some people do a little more.
        </Empty>
      )}
      <ul aria-label="Policies" className="empty:hidden">
        {policies.map((policy) => (
          <PolicyRow
            key={policy.id}
            policy={policy}
            open={edit === policy.id}
            onOpen={(open) => onEdit(open ? policy.id : null)}
            onSaved={onSaved}
            onUnsaved={onUnsaved}
            mayNot={mayNot}
            onChange={onChange}
          />
        ))}
      </ul>
      <div className="mt-4 flex flex-col gap-2">
        <More label="What NovaCron permits by itself">
          <p className="text-soft">
            These come before yours and cannot be changed. One of yours that permits adds to them; one that forbids wins
            over all that permit.
          </p>
          <CodeBlock label="What NovaCron permits by itself" text={housePolicies} />
        </More>
        <More label="What policies can speak of">
          <Vocabulary />
        </More>
      </div>
    </>
  )
}

function Bones() {
  return (
    <div role="status" aria-label="Loading policies" className="border-t">
      {Array.from({ length: 3 }, (_, row) => (
        <div key={row} className="flex h-14 items-center border-b border-line/70">
          <Bone className="h-3.5 w-1/2" />
        </div>
      ))}
    </div>
  )
}
