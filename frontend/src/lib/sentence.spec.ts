import { expect, test } from 'vitest'
import { sentence, sentences } from './sentence'

test.each([
  ['the name or the password is wrong', 'The name or the password is wrong.'],
  ['Check both; capitals count.', 'Check both; capitals count.'],
  ['kvm-03 does not answer', 'kvm-03 does not answer.'],
  ['libvirt refuses', 'libvirt refuses.'],
  ['Is it up?', 'Is it up?'],
  ['', ''],
])('%s', (said, written) => expect(sentence(said)).toBe(written))

test('one after the other', () =>
  expect(sentences('it runs', '', null, 'stop it first')).toBe('It runs. Stop it first.'))
