/** `PLATFORM` nobody gives: it is the least role of what only those may who look after the installation. */
export type Role = 'PLATFORM' | 'OWNER' | 'ADMIN' | 'OPERATOR' | 'VIEWER'

/** All roles, the least first; each may do what the ones before it may. */
const ROLES: Role[] = ['VIEWER', 'OPERATOR', 'ADMIN', 'OWNER', 'PLATFORM']

export const ROLE_NAME: Record<Role, string> = {
  PLATFORM: 'Platform administrator',
  OWNER: 'Owner',
  ADMIN: 'Administrator',
  OPERATOR: 'Operator',
  VIEWER: 'Viewer',
}

export const ROLE_TELLS: Record<Role, string> = {
  PLATFORM: 'Looks after this installation, its issuers and organisations',
  OWNER: 'Everything, and who else may what',
  ADMIN: 'Everything with hosts, VMs and images, and people up to administrators',
  OPERATOR: 'Everything with VMs and images; nothing with hosts and people',
  VIEWER: 'Look, and no more',
}

/** Whether who has this role may do what the other one may. */
export const includes = (role: Role, other: Role) => ROLES.indexOf(role) >= ROLES.indexOf(other)

/** The roles that somebody may give away: at most their own. */
export const upTo = (role: Role): Role[] => ROLES.filter((each) => includes(role, each))
