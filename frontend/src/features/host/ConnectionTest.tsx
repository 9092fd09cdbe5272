'use client'
import { graphql, useFragment } from 'react-relay'
import type {
  ConnectionTest_result$data,
  ConnectionTest_result$key,
} from '@/__generated__/ConnectionTest_result.graphql'
import { sentence } from '@/lib/sentence'
import { formatMiB, plural } from '@/lib/units'
import { FaultNote, Notice } from '@/ui/FaultNote'
import { Facts, Section } from '@/ui/page'
import { State } from '@/ui/State'

/** What a tried connection has answered, or why nothing did. */
export function ConnectionTest({ result: ref }: { result: ConnectionTest_result$key }) {
  const { ok, problem, found } = useFragment(
    graphql`
      fragment ConnectionTest_result on TestProviderPayload {
        ok
        problem {
          code
          message
          field
          remedy
          provider
          providerCode
          providerText
        }
        found {
          name
          version
          encryption
          cpus
          memoryMiB
          vmCount
          warnings
        }
      }
    `,
    ref,
  )
  return (
    <Section title={found ? 'What answered' : 'Nothing answered'}>
      <div ref={intoSight} className="flex flex-col gap-3">
        {problem && <FaultNote fault={problem} quiet />}
        {found && <Found found={found} ok={ok} />}
      </div>
    </Section>
  )
}

/** In a dialog the answer comes below what is seen of it. */
const intoSight = (element: HTMLElement | null) => element?.scrollIntoView({ block: 'nearest' })

type FoundProps = { found: NonNullable<ConnectionTest_result$data['found']>; ok: boolean }

function Found({ found, ok }: FoundProps) {
  return (
    <>
      <p role="status">
        <State
          tone={ok ? 'good' : 'warn'}
          word={ok ? 'It can be used as it is' : 'It answered, but cannot be used yet'}
        />
      </p>
      {found.warnings.map((warning) => (
        <Notice key={warning} tone="warn">
          {sentence(warning)}
        </Notice>
      ))}
      <Facts
        items={[
          ['Name', found.name],
          ['Versions', found.version],
          ['Encryption', found.encryption],
          ['Machine', `${plural(found.cpus, 'CPU')}, ${formatMiB(found.memoryMiB)}`],
          ['VMs', String(found.vmCount)],
        ]}
      />
    </>
  )
}
