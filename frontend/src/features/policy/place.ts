import type { Mark } from '@/ui/Code'

const PARSER = /parse error at [^\s:]*:(\d+):(\d+) "([^"]*)": (.*)$/s
const UNKNOWN = /there is no action "(.+)"/

/** Where in a policy’s text the API found something wrong, and what, as far as it says. */
export function placeOf(message: string, text: string): { mark: Mark | null; problem: string } {
  const [, line, column, at, problem] = PARSER.exec(message) ?? []
  if (line && column) {
    // What is missing at the end is missed behind it.
    const last = text.trimEnd().split('\n')
    const mark =
      Number(line) > last.length
        ? { line: last.length, column: (last.at(-1) ?? '').length + 1 }
        : { line: Number(line), column: Number(column) }
    return { mark, problem: `Line ${mark.line}: ${at ? `at “${at}”` : 'at the end'}, ${problem?.trim()}` }
  }
  const unknown = UNKNOWN.exec(message)?.[1]
  const index = unknown ? text.indexOf(`"${unknown}"`) : -1
  if (index < 0) return { mark: null, problem: message }
  const before = text.slice(0, index).split('\n')
  const mark = { line: before.length, column: (before.at(-1) ?? '').length + 2 }
  return { mark, problem: `Line ${mark.line}: ${message}` }
}
