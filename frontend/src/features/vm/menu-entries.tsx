import {
  Camera,
  HandHelping,
  Moon,
  Pause,
  Play,
  Plug,
  Power,
  RotateCcw,
  RotateCw,
  Scaling,
  SquareTerminal,
  StepForward,
  Trash2,
  Undo2,
} from 'lucide-react'
import type { ReactNode } from 'react'
import type { ActionFacts } from '@/lib/actions'
import type { MenuEntry } from '@/ui/Menu'
import { shownVerbs, type VerbName, whyNot } from './verbs'

export const ICON: Record<VerbName, ReactNode> = {
  startVM: <Play aria-hidden />,
  resumeVM: <StepForward aria-hidden />,
  shutdownVM: <Power aria-hidden />,
  rebootVM: <RotateCw aria-hidden />,
  pauseVM: <Pause aria-hidden />,
  suspendVM: <Moon aria-hidden />,
  powerOffVM: <Plug aria-hidden />,
  resetVM: <RotateCcw aria-hidden />,
  openConsole: <SquareTerminal aria-hidden />,
  updateVM: <Scaling aria-hidden />,
  createSnapshot: <Camera aria-hidden />,
  adoptVM: <HandHelping aria-hidden />,
  releaseVM: <Undo2 aria-hidden />,
  deleteVM: <Trash2 aria-hidden />,
}

/** A VM's verbs as a menu; groups are parted by lines. */
export function entriesOf(actions: readonly ActionFacts[], onSelect: (name: VerbName) => void): MenuEntry[] {
  const entries: MenuEntry[] = []
  let group = ''
  for (const verb of shownVerbs(actions)) {
    if (group && verb.group !== group) entries.push({ kind: 'line' })
    group = verb.group
    // Places to look at are open to all; what is done there is decided there.
    const reason = verb.group === 'go' ? undefined : whyNot(actions, verb.name)
    entries.push({
      kind: 'item',
      label: verb.label,
      icon: ICON[verb.name],
      danger: verb.danger,
      reason,
      onSelect: () => onSelect(verb.name),
    })
  }
  return entries
}
