'use client'
import { Lock, Plus } from 'lucide-react'
import Link from 'next/link'
import { Suspense, useState } from 'react'
import { graphql } from 'react-relay'
import type { OrganisationsPageQuery } from '@/__generated__/OrganisationsPageQuery.graphql'
import type { OrganisationsPageViewerQuery } from '@/__generated__/OrganisationsPageViewerQuery.graphql'
import { paths } from '@/lib/paths'
import { plural } from '@/lib/units'
import { useReading } from '@/relay/use-reading'
import { Button } from '@/ui/Button'
import { Bone, Empty, PageBody, PageHeader } from '@/ui/page'
import { AddOrganisationDialog } from './AddOrganisationDialog'
import { OrganisationRow } from './OrganisationRow'

const MAY_NOT = 'Only those who look after this installation may do this. Ask one of them.'

/** All organisations of the installation, and what each may have and has. For those who look after it. */
export function OrganisationsPage() {
  const [fetchKey, setFetchKey] = useState(0)
  const [adding, setAdding] = useState(false)
  const again = () => setFetchKey((before) => before + 1)
  const { viewer } = useReading<OrganisationsPageViewerQuery>(
    graphql`
      query OrganisationsPageViewerQuery {
        viewer {
          id
          platformAdmin
          tenant {
            id
          }
          organisations {
            tenant {
              id
            }
          }
        }
      }
    `,
    {},
    fetchKey,
  )
  const mayNot = viewer.platformAdmin ? undefined : MAY_NOT
  return (
    <>
      <PageHeader
        title="Organisations"
        crumbs={
          <>
            <Link href={paths.settings()} className="hover:underline">
              Settings
            </Link>{' '}
            /
          </>
        }
        note="All of this installation: who they are, and what they may have."
        actions={
          <Button
            look="primary"
            icon={<Plus aria-hidden className="size-4" />}
            disabledReason={mayNot}
            onClick={() => setAdding(true)}
          >
            Add an organisation
          </Button>
        }
      />
      <PageBody>
        {mayNot ? (
          <Empty icon={<Lock aria-hidden />} title="All organisations are for those to see who look after them">
            {mayNot}
          </Empty>
        ) : (
          <Suspense fallback={<Bones />}>
            <List
              here={viewer.tenant.id}
              own={viewer.organisations.map(({ tenant }) => tenant.id)}
              fetchKey={fetchKey}
              onChange={again}
            />
          </Suspense>
        )}
      </PageBody>
      {adding && <AddOrganisationDialog onDone={again} onClose={() => setAdding(false)} />}
    </>
  )
}

type ListProps = { here: string; own: readonly string[]; fetchKey: number; onChange: () => void }

function List({ here, own, fetchKey, onChange }: ListProps) {
  const { organisations } = useReading<OrganisationsPageQuery>(
    graphql`
      query OrganisationsPageQuery {
        organisations {
          tenant {
            id
          }
          ...OrganisationRow_organisation
        }
      }
    `,
    {},
    fetchKey,
  )
  return (
    <>
      <ul aria-label="Organisations" className="border-t">
        {organisations.map((each) => (
          <OrganisationRow
            key={each.tenant.id}
            organisation={each}
            here={each.tenant.id === here}
            own={own.includes(each.tenant.id)}
            onChange={onChange}
          />
        ))}
      </ul>
      <p role="status" className="mt-3 text-xs text-soft">
        {plural(organisations.length, 'organisation')}
      </p>
    </>
  )
}

function Bones() {
  return (
    <div role="status" aria-label="Loading organisations" className="border-t">
      {Array.from({ length: 4 }, (_, row) => (
        <div key={row} className="flex h-24 items-center border-b border-line/70">
          <Bone className="h-3.5 w-1/2" />
        </div>
      ))}
    </div>
  )
}
