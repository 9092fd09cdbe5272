export type Role = 'ADMIN' | 'OPERATOR' | 'VIEWER'

export const ROLE: Record<Role, string> = {
  ADMIN: 'Everything',
  OPERATOR: 'Everything with VMs and images; nothing with hosts and people',
  VIEWER: 'Look, and no more',
}

/** The roles that somebody may give away: at most their own. */
export function upTo(role: Role): Role[] {
  const all: Role[] = ['VIEWER', 'OPERATOR', 'ADMIN']
  return all.slice(0, all.indexOf(role) + 1)
}
