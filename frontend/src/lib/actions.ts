import { sentences } from './sentence'

/** What the API says of one thing that could be done with something. */
export type ActionFacts = {
  readonly name: string
  readonly allowed: boolean
  readonly reason: string
  readonly remedy: string
}

/** Why it cannot be done now; undefined when it can. What the server does not name it does not allow. */
export function refusal(actions: readonly ActionFacts[], name: string): string | undefined {
  const action = actions.find((each) => each.name === name)
  if (action?.allowed) return undefined
  return sentences(action?.reason, action?.remedy) || 'Not possible now.'
}
