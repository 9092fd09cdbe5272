function withQuery(path: string, given: Record<string, string | undefined>): string {
  const query = new URLSearchParams(Object.entries(given).filter((each): each is [string, string] => !!each[1]))
  return query.size ? `${path}?${query}` : path
}

/** Every address of the dashboard, so that a changed one is changed here. */
export const paths = {
  home: () => '/',
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
  account: () => '/account',
  people: (query?: string) => withQuery('/people', { q: query }),
  /** The lines of the audit log that the filters leave. */
  audit: (filters: Partial<Record<'actor' | 'target' | 'operation', string>> = {}) => withQuery('/audit', filters),
  /** `on` is a VM or a host, `who` a person, of whom it is asked what they may do. */
  policies: ({ edit, who, on }: { edit?: string; who?: string; on?: string } = {}) =>
    withQuery('/policies', { tab: who || on ? 'ask' : undefined, edit, who, on }),
  organisations: () => '/organisations',
  explorer: () => '/explorer',
  signIn: (next?: string) => (next && next !== '/' ? `/sign-in?next=${encodeURIComponent(next)}` : '/sign-in'),
}

/** Where an issuer vouches for somebody, who then goes on to the page. Not a page: the API leads away from there. */
export const issuerPath = (id: string, page: string) =>
  `/auth/issuers/${encodeURIComponent(id)}?to=${encodeURIComponent(page)}`

const HERE = 'http://here.invalid'

/** Whether it leads to a page of ours and to no other site, as browsers read it: they leave out tabs and line breaks. */
const isOurs = (path: string) =>
  /^\/(?![/\\])/.test(path) &&
  URL.canParse(path, HERE) &&
  new URL(path, HERE).origin === HERE &&
  !path.startsWith('/sign-in')

/**
 * Where to go after signing in: a path of ours, never another site. `next` is ours, `to` the API's after a sign-in that
 * came to nothing. What else the sign-in page was given is of that page: who comes there by a redirect brings it along.
 */
export function safeNext(given: URLSearchParams): string {
  const { next, to, problem, request, ...rest } = Object.fromEntries(given)
  const page = next ?? to
  if (!page || !isOurs(page)) return '/vms'
  const more = new URLSearchParams(rest).toString()
  return more ? `${page}${page.includes('?') ? '&' : '?'}${more}` : page
}
