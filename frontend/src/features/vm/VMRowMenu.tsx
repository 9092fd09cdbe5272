'use client'
import { Menu } from '@base-ui/react/menu'
import { Suspense } from 'react'
import { graphql } from 'react-relay'
import type { VMRowMenuQuery } from '@/__generated__/VMRowMenuQuery.graphql'
import { paths } from '@/lib/paths'
import { useReading } from '@/relay/use-reading'
import { MenuEntries, MenuSheet } from '@/ui/Menu'
import { Bone } from '@/ui/page'
import { entriesOf } from './menu-entries'
import { rowMenu } from './row-menu'
import { type Subject, useAct } from './VMActions'

export function VMRowMenu() {
  return (
    <Menu.Root handle={rowMenu}>
      {({ payload }) => (
        // Back to the row itself, where the list's keys go on and Enter opens the VM.
        <MenuSheet
          finalFocus={() =>
            document.querySelector<HTMLElement>(`[data-row] a[href="${payload && paths.vm(payload.id)}"]`) ?? true
          }
        >
          <Suspense fallback={<Bone className="m-1 h-40 w-44" />}>{payload && <Actions vm={payload} />}</Suspense>
        </MenuSheet>
      )}
    </Menu.Root>
  )
}

/** Asked when the menu opens: a list need not carry what only one row's menu shows. */
function Actions({ vm: subject }: { vm: Subject }) {
  const act = useAct()
  const { vm } = useReading<VMRowMenuQuery>(
    graphql`
      query VMRowMenuQuery($id: ID!) {
        vm(id: $id) {
          id
          actions {
            name
            allowed
            reason
            remedy
          }
        }
      }
    `,
    { id: subject.id },
  )
  if (!vm) return <MenuEntries entries={[{ kind: 'note', text: 'It is gone.' }]} />
  return <MenuEntries entries={entriesOf(vm.actions, (name) => act(name, subject))} />
}
