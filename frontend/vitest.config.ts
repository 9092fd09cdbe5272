import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vitest/config'

/** What Next's compiler does for `graphql` tags: each becomes an import of its generated artifact. */
function relay(): Plugin {
  const tag = /graphql`\s*(?:query|mutation|subscription|fragment)\s+(\w+)[^`]*`/g
  return {
    name: 'relay',
    enforce: 'pre',
    transform(code, id) {
      if (!/\.tsx?$/.test(id) || !code.includes('graphql`')) return
      const imports: string[] = []
      const body = code.replace(tag, (_, name: string) => {
        imports.push(`import ${name}$doc from '@/__generated__/${name}.graphql';`)
        return `${name}$doc`
      })
      return { code: imports.join('') + body, map: null }
    },
  }
}

export default defineConfig({
  plugins: [relay()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  test: {
    environment: 'jsdom',
    include: ['{src,mock}/**/*.spec.{ts,tsx}'],
    setupFiles: ['./vitest.setup.ts'],
    testTimeout: 60_000,
  },
})
