'use client'
import { graphql } from 'react-relay'
import type { QuotaSectionQuery } from '@/__generated__/QuotaSectionQuery.graphql'
import { useReading } from '@/relay/use-reading'
import { Section } from '@/ui/page'
import { QuotaBars } from './QuotaBars'

/** What the viewer’s organisation may have, and has. */
export function QuotaSection() {
  const { quota, viewer } = useReading<QuotaSectionQuery>(
    graphql`
      query QuotaSectionQuery {
        quota {
          ...QuotaBars_lines
        }
        viewer {
          id
          tenant {
            name
          }
        }
      }
    `,
    {},
  )
  return (
    <Section title="Quota" note={`What ${viewer.tenant.name} has in managed VMs, and may have.`}>
      <QuotaBars lines={quota} of={viewer.tenant.name} />
    </Section>
  )
}
