/** Every address of the dashboard, so that a changed one is changed here. */
export const paths = {
  vms: (query?: string) => (query ? `/vms?q=${encodeURIComponent(query)}` : '/vms'),
  vm: (id: string, tab?: string) => `/vms/${encodeURIComponent(id)}${tab && tab !== 'overview' ? `?tab=${tab}` : ''}`,
  /** `like` is a VM whose form is filled as it was. */
  newVM: (image?: string, like?: string) => {
    const given = new URLSearchParams({ ...(image && { image }), ...(like && { like }) }).toString()
    return given ? `/vms/new?${given}` : '/vms/new'
  },
  hosts: () => '/hosts',
  host: (id: string) => `/hosts/${encodeURIComponent(id)}`,
  newHost: () => '/hosts/new',
  images: () => '/images',
  operations: (id?: string) => (id ? `/operations?open=${encodeURIComponent(id)}` : '/operations'),
  settings: () => '/settings',
  explorer: () => '/explorer',
  signIn: (next?: string) => (next && next !== '/' ? `/sign-in?next=${encodeURIComponent(next)}` : '/sign-in'),
}

/**
 * Where to go after signing in: a path of ours, never another site. What else the sign-in page was given is of that
 * page: who comes there by a redirect brings it along.
 */
export function safeNext(given: URLSearchParams): string {
  const { next, ...rest } = Object.fromEntries(given)
  if (!next || !/^\/(?![/\\])/.test(next) || next.startsWith('/sign-in')) return '/vms'
  const more = new URLSearchParams(rest).toString()
  return more ? `${next}${next.includes('?') ? '&' : '?'}${more}` : next
}
