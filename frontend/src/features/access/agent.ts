/** Each calls itself by the names of the ones below it too. */
const BROWSERS: [name: string, sign: RegExp][] = [
  ['Edge', /Edg(?:e|A|iOS)?\/(\d+)/],
  ['Opera', /OPR\/(\d+)/],
  ['Samsung Internet', /SamsungBrowser\/(\d+)/],
  ['Firefox', /(?:Firefox|FxiOS)\/(\d+)/],
  ['Chrome', /(?:Chrome|Chromium|CriOS)\/(\d+)/],
  ['Safari', /Version\/(\d+)[\d.]* (?:Mobile\/\w+ )?Safari/],
]
const SYSTEMS: [name: string, sign: RegExp][] = [
  ['iPhone', /iPhone/],
  ['iPad', /iPad/],
  ['Android', /Android/],
  ['ChromeOS', /CrOS/],
  ['Windows', /Windows/],
  ['macOS', /Macintosh/],
  ['Linux', /Linux/],
]

/** A browser as people know it, `Firefox 145 on Linux`, of what it calls itself. */
export function browserName(agent: string): string {
  const browser = BROWSERS.find(([, sign]) => sign.test(agent))
  const system = SYSTEMS.find(([, sign]) => sign.test(agent))?.[0]
  if (!browser) return agent.split(/[/\s(]/, 1)[0] || 'Unknown browser'
  const [name, sign] = browser
  const known = `${name} ${agent.match(sign)?.[1]}`
  return system ? `${known} on ${system}` : known
}
