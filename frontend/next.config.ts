import type { NextConfig } from 'next'

/** Where the API is. Next writes this into the build: a change needs a new one. */
const api = process.env.NOVACRON_API_ORIGIN ?? 'http://127.0.0.1:8080'

const passed = ['/graphql', '/auth/:path*', '/api/:path*', '/console/:path*', '/uploads/:path*', '/healthz', '/readyz']

const config: NextConfig = {
  output: 'standalone',
  outputFileTracingRoot: import.meta.dirname,
  devIndicators: false,
  poweredByHeader: false,
  allowedDevOrigins: ['127.0.0.1'],
  // The API's answers pass through here in development; compressing them would hold back its event streams.
  compress: false,
  compiler: {
    relay: { src: './src', language: 'typescript', artifactDirectory: './src/__generated__', eagerEsModules: true },
  },
  async redirects() {
    const stranger = ['novacron_session', '__Host-novacron_session'].map((key) => ({ type: 'cookie' as const, key }))
    return [
      { source: '/', destination: '/vms', permanent: false },
      // Who has no session goes to sign in before the page would ask the API in vain.
      {
        source: '/:path((?:vms|hosts|images|operations|settings|account|people|policies|audit|explorer)(?:/.*)?)',
        missing: stranger,
        destination: '/sign-in?next=/:path',
        permanent: false,
      },
    ]
  },
  async rewrites() {
    return {
      // One static shell serves every VM and every host; the browser reads the id from the address bar.
      beforeFiles: [
        { source: '/vms/:id((?!new$|-$)[^/]+)', destination: '/vms/-' },
        { source: '/hosts/:id((?!new$|-$)[^/]+)', destination: '/hosts/-' },
      ],
      afterFiles: passed.map((source) => ({ source, destination: api + source })),
      fallback: [],
    }
  },
}

export default config
