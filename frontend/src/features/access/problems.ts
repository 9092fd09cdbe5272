import type { FaultWords } from '@/ui/FaultNote'

/** What the API may say of a sign-in that came to nothing. The sentences are ours: an address can be anybody's. */
const PROBLEMS: Record<string, { message: string; remedy: string }> = {
  expired: {
    message: 'This sign-in took too long, or was begun in another browser.',
    remedy: 'Begin it again here.',
  },
  away: {
    message: 'The service that signs you in does not answer.',
    remedy: 'Try again in a moment. Who has a password here can use that meanwhile.',
  },
  refused: {
    message: 'The service that signs you in did not let you through.',
    remedy: 'Try again, or ask those who run that service.',
  },
  unknown: {
    message: 'There is no such way to sign in any more.',
    remedy: 'Choose one of these.',
  },
  'no-role': {
    message: 'We know who you are, but you have no role here.',
    remedy: 'Ask an administrator of your organisation for one, then sign in again.',
  },
  deactivated: {
    message: 'Your account is switched off.',
    remedy: 'Ask an administrator of your organisation to switch it on.',
  },
  failed: {
    message: 'The sign-in failed, and it is not your fault.',
    remedy: 'Try again. If it fails again, tell those who run NovaCron the request below.',
  },
}

/** As the API makes them; nothing else from the address is shown. */
const REQUEST = /^[A-Za-z0-9._-]{8,64}$/

/** Why the last sign-in came to nothing, as the address of the sign-in page tells it; null when it does not. */
export function problemOf(given: URLSearchParams): FaultWords | null {
  const word = given.get('problem')
  if (word === null) return null
  const request = given.get('request') ?? ''
  const words = Object.hasOwn(PROBLEMS, word) ? PROBLEMS[word] : undefined
  return { ...(words ?? PROBLEMS.failed), requestId: REQUEST.test(request) ? request : '' } as FaultWords
}
