import type { Tone } from '@/ui/State'

/** How a connection stands. */
export const CONNECTION: Record<string, { tone: Tone; word: string }> = {
  CONNECTING: { tone: 'busy', word: 'Connecting' },
  CONNECTED: { tone: 'good', word: 'Connected' },
  UNREACHABLE: { tone: 'bad', word: 'Unreachable' },
  ERROR: { tone: 'bad', word: 'Error' },
}
