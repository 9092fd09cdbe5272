'use client'
import { ChevronRight } from 'lucide-react'
import Link from 'next/link'
import { graphql } from 'react-relay'
import type { SettingsPageQuery } from '@/__generated__/SettingsPageQuery.graphql'
import { QuotaSection } from '@/features/quota/QuotaSection'
import { paths } from '@/lib/paths'
import { setTheme, type Theme, useTheme } from '@/lib/theme'
import { useMayNot } from '@/relay/use-may'
import { useReading } from '@/relay/use-reading'
import { Age } from '@/ui/Age'
import { Choice } from '@/ui/fields'
import { Facts, PageBody, PageHeader, Section } from '@/ui/page'

const ELSEWHERE = [
  { href: paths.account(), label: 'Your account', tells: 'Who you are, your sessions, your API tokens' },
  { href: paths.people(), label: 'People', tells: 'Who works for the organisation, and who may what', admin: true },
  {
    href: paths.policies(),
    label: 'Policies',
    tells: 'What is permitted and forbidden beyond the roles, and who may what',
    admin: true,
  },
  { href: paths.audit(), label: 'Audit log', tells: 'Who asked for what, and what became of it', admin: true },
  {
    href: paths.organisations(),
    label: 'Organisations',
    tells: 'All of this installation, and their quotas',
    platform: true,
  },
]

/** How it looks, what it is, and the ways to what has a page of its own. */
export function SettingsPage() {
  const { about, viewer } = useReading<SettingsPageQuery>(
    graphql`
      query SettingsPageQuery {
        about {
          version
          startedAt
        }
        viewer {
          id
          platformAdmin
        }
      }
    `,
    {},
  )
  const theme = useTheme()
  const mayNot = useMayNot('ADMIN')
  return (
    <>
      <PageHeader title="Settings" />
      <PageBody narrow>
        <div className="flex flex-col gap-8">
          <Section title="Access">
            <ul aria-label="Access">
              {ELSEWHERE.filter(
                ({ admin, platform }) => (!admin || !mayNot) && (!platform || viewer.platformAdmin),
              ).map(({ href, label, tells }) => (
                <li key={href} className="border-b border-line/70 last:border-0">
                  <Link
                    href={href}
                    className="-mx-2 flex items-center justify-between gap-6 rounded-md px-2 py-2.5 hover:bg-hover"
                  >
                    <span className="min-w-0">
                      <span className="block font-medium">{label}</span>
                      <span className="block text-xs text-soft">{tells}</span>
                    </span>
                    <ChevronRight aria-hidden className="size-4 shrink-0 text-faint" />
                  </Link>
                </li>
              ))}
            </ul>
          </Section>
          <QuotaSection />
          <Section title="Appearance">
            <Choice
              label="Theme"
              value={theme}
              onChange={(next: Theme) => setTheme(next)}
              columns="grid-cols-3"
              options={[
                { value: 'system', label: 'System' },
                { value: 'light', label: 'Light' },
                { value: 'dark', label: 'Dark' },
              ]}
            />
          </Section>
          <Section title="This installation">
            <Facts
              items={[
                ['Version', about.version],
                ['Started', <Age key="started" of={about.startedAt} />],
              ]}
            />
          </Section>
        </div>
      </PageBody>
    </>
  )
}
