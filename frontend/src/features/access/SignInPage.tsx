'use client'
import { KeyRound } from 'lucide-react'
import { useSearchParams } from 'next/navigation'
import { useState } from 'react'
import { issuerPath, safeNext } from '@/lib/paths'
import { type Fault, faultOf } from '@/relay/fault'
import { beginAnew, signIn } from '@/relay/session'
import { Button } from '@/ui/Button'
import { FaultNote } from '@/ui/FaultNote'
import { Form } from '@/ui/Form'
import { TextField } from '@/ui/fields'
import { Mark } from '@/ui/Logo'
import { More } from '@/ui/More'
import { Bone } from '@/ui/page'
import { useIssuers } from './issuers'
import { problemOf } from './problems'

/** The buttons of those who vouch for people, and a password for whom nobody does. */
export function SignInPage() {
  const given = new URLSearchParams(useSearchParams())
  const next = safeNext(given)
  const problem = problemOf(given)
  const issuers = useIssuers()
  return (
    <main className="flex min-h-dvh flex-col items-center gap-8 px-6 pt-[max(3rem,22dvh)] pb-6">
      <div className="flex items-center gap-3">
        <Mark className="size-9" />
        <h1 className="text-xl font-semibold tracking-tight">NovaCron</h1>
      </div>
      {problem && (
        <div className="w-full max-w-sm">
          <FaultNote fault={problem} />
        </div>
      )}
      {issuers ? (
        <div className="flex w-full max-w-72 animate-fade flex-col gap-6">
          {issuers.length > 0 && (
            <ul aria-label="Ways to sign in" className="flex flex-col gap-2">
              {issuers.map(({ id, name }) => (
                <li key={id}>
                  <Button
                    look={issuers.length === 1 ? 'primary' : 'plain'}
                    icon={<KeyRound aria-hidden className="size-4 shrink-0" />}
                    className="h-10 w-full"
                    link={<a href={issuerPath(id, next)}>{null}</a>}
                  >
                    <span className="truncate">Sign in with {name}</span>
                  </Button>
                </li>
              ))}
            </ul>
          )}
          {issuers.length > 0 ? (
            <More label="Sign in with a password">
              <PasswordForm next={next} />
            </More>
          ) : (
            <PasswordForm next={next} alone />
          )}
        </div>
      ) : (
        <div
          role="status"
          aria-label="Loading"
          className="w-full max-w-72 animate-fade [animation-delay:300ms] [animation-fill-mode:backwards]"
        >
          <Bone className="h-10" />
        </div>
      )}
    </main>
  )
}

function PasswordForm({ next, alone }: { next: string; alone?: boolean }) {
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [fault, setFault] = useState<Fault | null>(null)
  const [busy, setBusy] = useState(false)
  const submit = () => {
    setBusy(true)
    signIn(name, password)
      // A whole new page: nothing of an earlier session stays in memory.
      .then(() => beginAnew(next))
      .catch((cause) => {
        setFault(faultOf(cause))
        setBusy(false)
      })
  }
  return (
    <>
      <Form fault={fault?.facts ?? null} onSubmit={submit} label="Sign in" className="flex flex-col">
        <div className="flex flex-col gap-4">
          <TextField
            label="Name"
            name="name"
            value={name}
            onChange={setName}
            autoComplete="username"
            autoCapitalize="none"
            autoFocus={alone}
            required
          />
          <TextField
            label="Password"
            name="password"
            type="password"
            value={password}
            onChange={setPassword}
            autoComplete="current-password"
            required
          />
          <Button type="submit" look="primary" busy={busy} className="mt-1">
            Sign in
          </Button>
        </div>
      </Form>
      <p className="text-center text-xs text-faint">
        The first administrator’s name and password were printed when NovaCron was started.
      </p>
    </>
  )
}
