/** Every address of the dashboard, so that a changed one is changed here. */
export const paths = {
  vms: (query?: string) => (query ? `/vms?q=${encodeURIComponent(query)}` : '/vms'),
  vm: (id: string, tab?: string) => `/vms/${encodeURIComponent(id)}${tab && tab !== 'overview' ? `?tab=${tab}` : ''}`,
  newVM: (image?: string) => (image ? `/vms/new?image=${encodeURIComponent(image)}` : '/vms/new'),
  hosts: () => '/hosts',
  host: (id: string) => `/hosts/${encodeURIComponent(id)}`,
  newHost: () => '/hosts/new',
  images: () => '/images',
  operations: (id?: string) => (id ? `/operations?open=${encodeURIComponent(id)}` : '/operations'),
  settings: () => '/settings',
  explorer: () => '/explorer',
  signIn: (next?: string) => (next && next !== '/' ? `/sign-in?next=${encodeURIComponent(next)}` : '/sign-in'),
}

/** Where to go after signing in: a path of ours, never another site. */
export function safeNext(next: string | null): string {
  return next && /^\/(?![/\\])/.test(next) && !next.startsWith('/sign-in') ? next : '/vms'
}
