/** What the API says of an error, in `errors`, in operations and at sign-in. */
export type FaultFacts = {
  code: string
  message: string
  field: string
  remedy: string
  provider: string
  providerCode: string
  providerText: string
  requestId: string
}

export class Fault extends Error {
  readonly facts: FaultFacts

  constructor(facts: Partial<FaultFacts> & { message: string }) {
    super(facts.message)
    this.name = 'Fault'
    this.facts = {
      code: 'INTERNAL',
      field: '',
      remedy: '',
      provider: '',
      providerCode: '',
      providerText: '',
      requestId: '',
      ...facts,
    }
  }
}

type GraphQLErrorLike = { message: string; extensions?: Record<string, unknown> }

export function faultOfGraphQL({ message, extensions = {} }: GraphQLErrorLike): Fault {
  const text = (key: string) => (typeof extensions[key] === 'string' ? extensions[key] : '')
  return new Fault({
    message,
    code: text('code') || 'INTERNAL',
    field: text('field'),
    remedy: text('remedy'),
    provider: text('provider'),
    providerCode: text('providerCode'),
    providerText: text('providerText'),
    requestId: text('requestId'),
  })
}

/** What a plain HTTP reply says: `{errors: […]}` as GraphQL does, or `{error: {…}}`. */
export function faultOfReply(body: unknown): Fault | null {
  if (typeof body !== 'object' || body === null) return null
  const { error, errors } = body as { error?: { message?: string }; errors?: GraphQLErrorLike[] }
  if (errors?.[0]) return faultOfGraphQL(errors[0])
  return error?.message ? new Fault({ ...error, message: error.message }) : null
}

export function faultOf(error: unknown): Fault {
  if (error instanceof Fault) return error
  return new Fault({ message: error instanceof Error ? error.message : String(error) })
}

export const unreachable = () =>
  new Fault({
    code: 'UNAVAILABLE',
    message: 'NovaCron does not answer.',
    remedy: 'Check your connection; this page goes on by itself once it is back.',
  })
