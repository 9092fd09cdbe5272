'use client'
import { Activity, Disc3, MonitorCog, Server, Settings2, Terminal } from 'lucide-react'
import Link from 'next/link'
import { Suspense } from 'react'
import { RelayEnvironmentProvider } from 'react-relay'
import { paths } from '@/lib/paths'
import { browserEnvironment } from '@/relay/environment'
import { cx } from '@/ui/cx'
import { Mark } from '@/ui/Logo'
import { ActiveCount } from './ActiveCount'
import { Boundary } from './Boundary'
import { LiveMark } from './LiveMark'
import { Viewer } from './Viewer'

const PLACES = [
  { href: paths.vms(), label: 'Virtual machines', short: 'VMs', icon: MonitorCog },
  { href: paths.hosts(), label: 'Hosts', short: 'Hosts', icon: Server },
  { href: paths.images(), label: 'Images', short: 'Images', icon: Disc3 },
  { href: paths.operations(), label: 'Operations', short: 'Operations', icon: Activity },
  { href: paths.settings(), label: 'Settings', short: 'Settings', icon: Settings2 },
]

/** Pages that are reached from the settings. */
const OF_SETTINGS = [paths.account(), paths.people(), paths.policies(), paths.audit(), paths.organisations()]

const isAt = (path: string, href: string) =>
  path === href || path.startsWith(`${href}/`) || (href === paths.settings() && OF_SETTINGS.includes(path))

export function Rail({ path, ready }: { path: string; ready: boolean }) {
  return (
    <header className="hidden w-52 shrink-0 flex-col border-r bg-sunken md:flex">
      <div className="flex items-center gap-2 px-4 pt-4 pb-3">
        <Link href={paths.vms()} className="flex items-center gap-2 rounded-sm">
          <Mark className="size-6" />
          <span className="text-base font-semibold tracking-tight">NovaCron</span>
        </Link>
      </div>
      <nav aria-label="Main" className="flex flex-1 flex-col gap-px px-2 pt-2">
        {PLACES.map(({ href, label, icon: Icon }) => (
          <Link
            key={href}
            href={href}
            aria-current={isAt(path, href) ? 'page' : undefined}
            className={cx(
              'relative flex h-8 items-center gap-2.5 rounded-md px-2.5',
              isAt(path, href) ? 'bg-hover font-medium text-ink' : 'text-soft hover:bg-hover hover:text-ink',
            )}
          >
            {isAt(path, href) && (
              <span aria-hidden className="absolute inset-y-1.5 -left-2 w-0.5 rounded-full bg-brand" />
            )}
            <Icon aria-hidden className="size-4" strokeWidth={1.75} />
            <span className="flex-1">{label}</span>
            {href === paths.operations() && ready && <Count />}
          </Link>
        ))}
      </nav>
      <div className="flex flex-col gap-px border-t px-2 py-2">
        <Link
          href={paths.explorer()}
          prefetch={false}
          aria-current={isAt(path, paths.explorer()) ? 'page' : undefined}
          className="flex h-8 items-center gap-2.5 rounded-md px-2.5 text-soft hover:bg-hover hover:text-ink aria-[current]:bg-hover aria-[current]:text-ink"
        >
          <Terminal aria-hidden className="size-4" strokeWidth={1.75} />
          API explorer
        </Link>
        <div className="h-11">{ready && <Account />}</div>
        <div className="flex h-7 items-center pl-2.5">
          <LiveMark />
        </div>
      </div>
    </header>
  )
}

function Account({ small }: { small?: boolean }) {
  return (
    <RelayEnvironmentProvider environment={browserEnvironment()}>
      <Boundary silent>
        <Suspense>
          <Viewer small={small} />
        </Suspense>
      </Boundary>
    </RelayEnvironmentProvider>
  )
}

function Count() {
  return (
    <RelayEnvironmentProvider environment={browserEnvironment()}>
      <Boundary silent>
        <Suspense>
          <ActiveCount />
        </Suspense>
      </Boundary>
    </RelayEnvironmentProvider>
  )
}

export function TopBar({ ready }: { ready: boolean }) {
  return (
    <header className="flex h-11 shrink-0 items-center justify-between border-b bg-sunken pr-2 pl-4 md:hidden">
      <Link href={paths.vms()} className="flex items-center gap-2">
        <Mark className="size-5" />
        <span className="font-semibold tracking-tight">NovaCron</span>
      </Link>
      <div className="flex items-center gap-2">
        <LiveMark />
        {ready && <Account small />}
      </div>
    </header>
  )
}

export function BottomBar({ path }: { path: string }) {
  return (
    <nav aria-label="Main" className="flex shrink-0 border-t bg-sunken pb-[env(safe-area-inset-bottom)] md:hidden">
      {PLACES.map(({ href, short, icon: Icon }) => (
        <Link
          key={href}
          href={href}
          aria-current={isAt(path, href) ? 'page' : undefined}
          className={cx(
            'flex h-14 flex-1 flex-col items-center justify-center gap-1 text-2xs',
            isAt(path, href) ? 'font-medium text-ink' : 'text-soft',
          )}
        >
          <Icon aria-hidden className={cx('size-5', isAt(path, href) && 'text-brand')} strokeWidth={1.75} />
          {short}
        </Link>
      ))}
    </nav>
  )
}
