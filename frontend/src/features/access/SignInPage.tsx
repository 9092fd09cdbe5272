'use client'
import { useSearchParams } from 'next/navigation'
import { useState } from 'react'
import { safeNext } from '@/lib/paths'
import { type Fault, faultOf } from '@/relay/fault'
import { signIn } from '@/relay/session'
import { Button } from '@/ui/Button'
import { Form } from '@/ui/Form'
import { TextField } from '@/ui/fields'
import { Mark } from '@/ui/Logo'

export function SignInPage() {
  const next = safeNext(new URLSearchParams(useSearchParams()))
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [fault, setFault] = useState<Fault | null>(null)
  const [busy, setBusy] = useState(false)
  const submit = () => {
    setBusy(true)
    signIn(name, password)
      // A whole new page: nothing of an earlier session stays in memory.
      .then(() => window.location.assign(next))
      .catch((cause) => {
        setFault(faultOf(cause))
        setBusy(false)
      })
  }
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center gap-8 p-6">
      <div className="flex items-center gap-3">
        <Mark className="size-9" />
        <h1 className="text-xl font-semibold tracking-tight">NovaCron</h1>
      </div>
      <Form fault={fault?.facts ?? null} onSubmit={submit} label="Sign in" className="flex w-full max-w-72 flex-col">
        <div className="flex flex-col gap-4">
          <TextField
            label="Name"
            name="name"
            value={name}
            onChange={setName}
            autoComplete="username"
            autoCapitalize="none"
            autoFocus
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
      <p className="max-w-72 text-center text-xs text-faint">
        The first administrator’s name and password were printed when NovaCron was started.
      </p>
    </main>
  )
}
