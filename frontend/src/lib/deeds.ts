export type DeedGroup = 'Virtual machines' | 'Snapshots' | 'Images' | 'Hosts' | 'Operations' | 'Access' | 'Looking'

/**
 * What can be asked of NovaCron, in the words of its buttons, by the names of the API’s fields: what the audit log
 * calls it, and what policies permit or forbid. The name of a thing goes behind `does`; `all` is for no thing.
 */
export type Deed = { group: DeedGroup; does: string; all: string }

const deed = (group: DeedGroup, does: string, all: string): Deed => ({ group, does, all })
const vm = (does: string) => deed('Virtual machines', does, `${does} a VM`)

export const DEEDS: Record<string, Deed> = {
  createVM: vm('Create'),
  startVM: vm('Start'),
  shutdownVM: vm('Shut down'),
  powerOffVM: vm('Force off'),
  rebootVM: vm('Reboot'),
  resetVM: vm('Reset'),
  pauseVM: vm('Pause'),
  resumeVM: vm('Resume'),
  suspendVM: vm('Suspend'),
  updateVM: vm('Change'),
  openConsole: deed('Virtual machines', 'Open a console of', 'Open a console'),
  attachDisk: deed('Virtual machines', 'Attach a disk to', 'Attach a disk'),
  detachDisk: deed('Virtual machines', 'Detach a disk from', 'Detach a disk'),
  attachNIC: deed('Virtual machines', 'Attach a NIC to', 'Attach a NIC'),
  detachNIC: deed('Virtual machines', 'Detach a NIC from', 'Detach a NIC'),
  adoptVM: vm('Adopt'),
  releaseVM: vm('Release'),
  deleteVM: vm('Delete'),
  bulkVMs: deed('Virtual machines', 'Act on several VMs:', 'Act on several VMs'),
  createSnapshot: deed('Snapshots', 'Take a snapshot of', 'Take a snapshot'),
  restoreSnapshot: deed('Snapshots', 'Restore a snapshot of', 'Restore a snapshot'),
  deleteSnapshot: deed('Snapshots', 'Delete a snapshot of', 'Delete a snapshot'),
  importImage: deed('Images', 'Import the image', 'Import an image'),
  uploadImage: deed('Images', 'Upload the image', 'Upload an image'),
  registerImage: deed('Images', 'Register the image', 'Register an image'),
  deleteImage: deed('Images', 'Delete the image', 'Delete an image'),
  addProvider: deed('Hosts', 'Add the host', 'Add a host'),
  updateProvider: deed('Hosts', 'Change the host', 'Change a host'),
  removeProvider: deed('Hosts', 'Remove the host', 'Remove a host'),
  refreshProvider: deed('Hosts', 'Read again the host', 'Read a host again'),
  testProvider: deed('Hosts', 'Test a connection to', 'Test a connection'),
  testProviderChange: deed('Hosts', 'Test a changed connection to', 'Test a changed connection'),
  cancelOperation: deed('Operations', 'Cancel the work on', 'Cancel an operation'),
  retryOperation: deed('Operations', 'Try again to undo the work on', 'Try again to undo an operation'),
  abandonOperation: deed('Operations', 'Abandon the work on', 'Abandon an operation'),
  signIn: deed('Access', 'Sign in', 'Sign in'),
  signOut: deed('Access', 'Sign out', 'Sign out'),
  endSessions: deed('Access', 'End sessions', 'End sessions'),
  switchOrganisation: deed('Access', 'Go over to', 'Go over to another organisation'),
  createAPIToken: deed('Access', 'Make the API token', 'Make an API token'),
  revokeAPIToken: deed('Access', 'Revoke the API token', 'Revoke an API token'),
  addPerson: deed('Access', 'Add', 'Add a person'),
  grantRole: deed('Access', 'Give a role to', 'Give a role'),
  revokeRole: deed('Access', 'Take back the role of', 'Take a role back'),
  setPersonActive: deed('Access', 'Switch the account of', 'Switch an account off or on'),
  resetPassword: deed('Access', 'Make a new password for', 'Make a new password'),
  addPolicy: deed('Access', 'Add the policy', 'Add a policy'),
  updatePolicy: deed('Access', 'Change the policy', 'Change a policy'),
  removePolicy: deed('Access', 'Remove the policy', 'Remove a policy'),
  addOrganisation: deed('Access', 'Add the organisation', 'Add an organisation'),
  setQuota: deed('Access', 'Change the quota of', 'Change a quota'),
  auditLog: deed('Looking', 'Look at the audit log', 'Look at the audit log'),
  people: deed('Looking', 'Look at the people', 'Look at the people'),
  policies: deed('Looking', 'Look at the policies', 'Look at the policies'),
  quota: deed('Looking', 'Look at the quota', 'Look at the quota'),
  organisations: deed('Looking', 'Look at all organisations', 'Look at all organisations'),
  whatMay: deed('Looking', 'Ask what somebody may do', 'Ask what somebody may do'),
}

/** `setColour` → `Set colour`: one that has no words here yet. */
const plain = (action: string) => {
  const words = action.replace(/([a-z])([A-Z])/g, (_, end, begin) => `${end} ${begin.toLowerCase()}`)
  return words.charAt(0).toUpperCase() + words.slice(1)
}

export function deedOf(action: string): Deed {
  return DEEDS[action] ?? deed('Looking', plain(action), plain(action))
}
