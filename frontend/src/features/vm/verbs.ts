import { type ActionFacts, refusal } from '@/lib/actions'

/** How much is asked before a verb is done: nothing, a plain yes, or a dialog of its own. */
export type Asks = 'nothing' | 'yes' | 'dialog'

export type VerbName =
  | 'startVM'
  | 'resumeVM'
  | 'shutdownVM'
  | 'rebootVM'
  | 'pauseVM'
  | 'suspendVM'
  | 'powerOffVM'
  | 'resetVM'
  | 'openConsole'
  | 'updateVM'
  | 'createSnapshot'
  | 'adoptVM'
  | 'releaseVM'
  | 'deleteVM'

export type Verb = {
  name: VerbName
  label: string
  group: 'power' | 'force' | 'go' | 'own' | 'end'
  asks: Asks
  /** Said in the question: what it does and what is kept. */
  tells?: string
  /** What the VM is shown as until the server has said so itself. */
  towards?: string
  danger?: boolean
}

/** What may be done with a VM, in the order of its menus. Whether it may is told by `vm.actions`. */
export const VERBS: Verb[] = [
  { name: 'startVM', label: 'Start', group: 'power', asks: 'nothing', towards: 'STARTING' },
  { name: 'resumeVM', label: 'Resume', group: 'power', asks: 'nothing', towards: 'STARTING' },
  {
    name: 'shutdownVM',
    label: 'Shut down',
    group: 'power',
    asks: 'yes',
    towards: 'STOPPING',
    tells: 'The guest is asked to shut down. Disks and addresses are kept; memory and CPUs become free.',
  },
  { name: 'rebootVM', label: 'Reboot', group: 'power', asks: 'yes', tells: 'The guest is asked to reboot.' },
  { name: 'pauseVM', label: 'Pause', group: 'power', asks: 'nothing' },
  { name: 'suspendVM', label: 'Suspend', group: 'power', asks: 'nothing', towards: 'STOPPING' },
  {
    name: 'powerOffVM',
    label: 'Force off',
    group: 'force',
    asks: 'yes',
    towards: 'STOPPING',
    danger: true,
    tells: 'This pulls the plug. What the guest has not written to its disks is lost.',
  },
  {
    name: 'resetVM',
    label: 'Reset',
    group: 'force',
    asks: 'yes',
    danger: true,
    tells: 'This presses the reset button. What the guest has not written to its disks is lost.',
  },
  { name: 'openConsole', label: 'Console', group: 'go', asks: 'dialog' },
  { name: 'createSnapshot', label: 'Snapshots', group: 'go', asks: 'dialog' },
  { name: 'updateVM', label: 'Resize', group: 'go', asks: 'dialog' },
  {
    name: 'adoptVM',
    label: 'Adopt',
    group: 'own',
    asks: 'yes',
    tells: 'NovaCron manages it from now on. Nothing in the VM changes.',
  },
  {
    name: 'releaseVM',
    label: 'Release',
    group: 'own',
    asks: 'yes',
    tells: 'NovaCron lets it go: it runs on untouched and is shown as discovered.',
  },
  { name: 'deleteVM', label: 'Delete', group: 'end', asks: 'dialog', danger: true },
]

/** Why a verb cannot be used now; undefined when it can. What the server does not name it does not allow. */
export function whyNot(actions: readonly ActionFacts[], name: string): string | undefined {
  return actions.some((each) => each.name === name) ? refusal(actions, name) : 'This host cannot do that.'
}

/** Verbs to show: adopting and releasing exclude each other, so only the one that fits is there. */
export function shownVerbs(actions: readonly ActionFacts[]): Verb[] {
  const adoptable = actions.some((each) => each.name === 'adoptVM' && each.allowed)
  return VERBS.filter((verb) => verb.name !== (adoptable ? 'releaseVM' : 'adoptVM'))
}

/** The verb that a VM's page offers first: what its owner most likely wants of it now. */
export function foremost(status: string): VerbName {
  if (status === 'PAUSED' || status === 'SUSPENDED') return 'resumeVM'
  if (['RUNNING', 'STARTING', 'MIGRATING'].includes(status)) return 'shutdownVM'
  // While it is asked to shut down, the next thing to want is to pull the plug.
  if (status === 'STOPPING') return 'powerOffVM'
  return 'startVM'
}
