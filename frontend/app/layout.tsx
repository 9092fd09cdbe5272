import type { Metadata, Viewport } from 'next'
import type { ReactNode } from 'react'
import '@fontsource-variable/inter'
import '@/ui/tokens.css'
import { themeScript } from '@/lib/theme-script'

export const metadata: Metadata = {
  title: { default: 'NovaCron', template: '%s · NovaCron' },
  description: 'Virtual machines wherever they run.',
  icons: { icon: '/mark.svg' },
}

export const viewport: Viewport = {
  width: 'device-width',
  initialScale: 1,
  themeColor: [
    { media: '(prefers-color-scheme: light)', color: '#fbf9fc' },
    { media: '(prefers-color-scheme: dark)', color: '#120e17' },
  ],
}

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en" suppressHydrationWarning>
      <head>
        {/* biome-ignore lint/security/noDangerouslySetInnerHtml: a constant of ours that must run before the first paint */}
        <script dangerouslySetInnerHTML={{ __html: themeScript }} />
      </head>
      <body>
        <div className="isolate">{children}</div>
      </body>
    </html>
  )
}
