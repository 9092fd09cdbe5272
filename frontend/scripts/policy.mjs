import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Stands in next.config.ts for the hashes of the pages' own scripts, which nobody knows before they are built. */
export const INLINE = "'sha256-inline'"

/**
 * Allows the scripts that are written into the built pages, and no other ones: the pages are static, so a hash of each
 * does what a nonce would do for pages that are made anew for everybody.
 */
export function allowOwnScripts(built, manifests) {
  const hashes = new Set()
  for (const file of readdirSync(built, { recursive: true })) {
    if (!file.endsWith('.html')) continue
    for (const [, text] of readFileSync(join(built, file), 'utf8').matchAll(
      /<script(?![^>]*\ssrc=)[^>]*>(.*?)<\/script>/gs,
    ))
      hashes.add(`'sha256-${createHash('sha256').update(text).digest('base64')}'`)
  }
  if (hashes.size === 0) throw new Error(`no page in ${built}`)
  for (const manifest of manifests) {
    const text = readFileSync(manifest, 'utf8')
    if (!text.includes(INLINE)) throw new Error(`no policy in ${manifest}: see next.config.ts`)
    writeFileSync(manifest, text.replaceAll(INLINE, [...hashes].sort().join(' ')))
  }
}
