import type { NextConfig } from 'next'

/** Where the API is. Next writes this into the build: a change needs a new one. */
const api = process.env.NOVACRON_API_ORIGIN ?? 'http://127.0.0.1:8080'

const passed = ['/graphql', '/auth/:path*', '/api/:path*', '/console/:path*', '/uploads/:path*', '/healthz', '/readyz']

/**
 * What a page may do. Its scripts are files of ours and those that the build has written into it, which
 * scripts/policy.mjs puts in place of the hash.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'sha256-inline'",
  "style-src 'self' 'unsafe-inline'", // terminals bring their own
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

const guards = [
  { key: 'X-Content-Type-Options', value: 'nosniff' },
  { key: 'Referrer-Policy', value: 'same-origin' },
  { key: 'Cross-Origin-Opener-Policy', value: 'same-origin' },
  { key: 'Cross-Origin-Resource-Policy', value: 'same-origin' },
  {
    key: 'Permissions-Policy',
    value: 'camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()',
  },
]

/** The API's answers have their own. */
const ours = `/:path((?!${passed.map((path) => path.slice(1).replace('/:path*', '/')).join('|')}).*)`

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
  async headers() {
    if (process.env.NODE_ENV !== 'production') return [] // next dev evaluates what it is told
    return [
      { source: ours, headers: [{ key: 'Content-Security-Policy', value: policy }, ...guards] },
      {
        source: ours,
        has: [{ type: 'header', key: 'x-forwarded-proto', value: 'https' }],
        headers: [{ key: 'Strict-Transport-Security', value: 'max-age=31536000' }],
      },
    ]
  },
  async redirects() {
    const stranger = ['novacron_session', '__Host-novacron_session'].map((key) => ({ type: 'cookie' as const, key }))
    return [
      { source: '/', destination: '/vms', permanent: false },
      // Who has no session goes to sign in before the page would ask the API in vain.
      {
        source:
          '/:path((?:vms|hosts|images|operations|settings|account|people|policies|audit|organisations|explorer)(?:/.*)?)',
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
