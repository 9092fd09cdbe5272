import { describe, expect, test } from 'vitest'
import { foremost, shownVerbs, VERBS, whyNot } from './verbs'

const action = (name: string, allowed: boolean, reason = '', remedy = '') => ({ name, allowed, reason, remedy })

describe('what a menu says', () => {
  test('the reason with its remedy', () => {
    expect(whyNot([action('deleteVM', false, 'It runs.', 'Stop it first.')], 'deleteVM')).toBe(
      'It runs. Stop it first.',
    )
  })
  test('nothing when it may', () => expect(whyNot([action('startVM', true)], 'startVM')).toBeUndefined())
  test('what the server does not name is not allowed', () =>
    expect(whyNot([], 'pauseVM')).toBe('This host cannot do that.'))
})

describe('which verbs there are', () => {
  test('adopt for a discovered VM, release for ours, never both', () => {
    const names = (allowed: boolean) => shownVerbs([action('adoptVM', allowed)]).map((verb) => verb.name)
    expect(names(true)).toContain('adoptVM')
    expect(names(true)).not.toContain('releaseVM')
    expect(names(false)).not.toContain('adoptVM')
  })

  test('whatever loses data is asked about and says so', () => {
    for (const verb of VERBS.filter((each) => each.danger)) expect(verb.asks).not.toBe('nothing')
    expect(VERBS.find((verb) => verb.name === 'powerOffVM')?.tells).toMatch(/lost/)
  })

  test.each([
    ['STOPPED', 'startVM'],
    ['RUNNING', 'shutdownVM'],
    ['PAUSED', 'resumeVM'],
    ['STOPPING', 'powerOffVM'],
    ['ERROR', 'startVM'],
  ])('a %s VM is offered %s first', (status, verb) => expect(foremost(status)).toBe(verb))
})
