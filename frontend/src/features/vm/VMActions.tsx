'use client'
import { useRouter } from 'next/navigation'
import { createContext, type ReactNode, Suspense, useCallback, useContext, useState } from 'react'
import { paths } from '@/lib/paths'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { DeleteVMDialog } from './DeleteVMDialog'
import { VERBS, type Verb, type VerbName } from './verbs'
import { usePower } from './vm-power'

export type Subject = { id: string; name: string }
type Act = (name: VerbName, vm: Subject) => void

const ActContext = createContext<Act>(() => {
  throw new Error('VMActions is missing above')
})

/** Does a verb with a VM, asking first what has to be asked. */
export const useAct = () => useContext(ActContext)

const PLACE: Partial<Record<VerbName, string>> = {
  openConsole: 'console',
  createSnapshot: 'snapshots',
  updateVM: 'settings',
}

/** The one place of the dialogs that rows, pages and bars share. */
export function VMActions({ children }: { children: ReactNode }) {
  const [asked, setAsked] = useState<{ verb: Verb; vm: Subject } | null>(null)
  const power = usePower()
  const router = useRouter()
  const act = useCallback<Act>(
    (name, vm) => {
      const verb = VERBS.find((each) => each.name === name)
      const tab = PLACE[name]
      if (!verb) return
      if (tab) router.push(paths.vm(vm.id, tab))
      else if (verb.asks === 'nothing') power(name, vm)
      else setAsked({ verb, vm })
    },
    [power, router],
  )
  const close = () => setAsked(null)
  return (
    <ActContext.Provider value={act}>
      {children}
      {asked?.verb.asks === 'yes' && (
        <ConfirmDialog
          title={`${asked.verb.label} ${asked.vm.name}?`}
          label={asked.verb.label}
          danger={asked.verb.danger}
          onClose={close}
          onConfirm={() => {
            power(asked.verb.name, asked.vm)
            close()
          }}
        >
          {asked.verb.tells}
        </ConfirmDialog>
      )}
      {asked?.verb.name === 'deleteVM' && (
        <Suspense>
          <DeleteVMDialog vm={asked.vm} onClose={close} />
        </Suspense>
      )}
    </ActContext.Provider>
  )
}
