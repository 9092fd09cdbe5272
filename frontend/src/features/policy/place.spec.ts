import { expect, test } from 'vitest'
import { placeOf } from './place'

const text = '// a\nforbid (principal,\n  action = Action::"startVMM", resource);\n'

test.each([
  [
    'at a word',
    'this is no Cedar policy: parser error: parse error at <input>:3:12 "Action": exact got = want ,',
    { line: 3, column: 12 },
    'Line 3: at “Action”, exact got = want ,',
  ],
  [
    'behind the end',
    'this is no Cedar policy: parser error: parse error at <input>:4:1 "": exact got  want ;',
    { line: 3, column: 42 },
    'Line 3: at the end, exact got  want ;',
  ],
  [
    'at an action that there is not',
    'there is no action "startVMM"',
    { line: 3, column: 21 },
    'Line 3: there is no action "startVMM"',
  ],
  ['nowhere', 'there is no policy in it', null, 'there is no policy in it'],
])('a problem %s', (_, message, mark, problem) => expect(placeOf(message, text)).toEqual({ mark, problem }))
