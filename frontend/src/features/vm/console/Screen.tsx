'use client'
import { useEffect, useRef, useState } from 'react'
import { Button } from '@/ui/Button'
import { ESCAPE, isEscape } from './escape'
import { type ConsoleState, endOf } from './use-console'

type RFB = import('@novnc/novnc').default
type Props = { url: string; name: string; onState: (state: ConsoleState, why?: string) => void }

/** A VM's screen by VNC. Keys go to the guest while the screen has the focus. */
export function Screen({ url, name, onState }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const leave = useRef<HTMLButtonElement>(null)
  const [rfb, setRFB] = useState<RFB | null>(null)
  useEffect(() => {
    let session: RFB | undefined
    let over = false
    let opened = false
    let reason = ''
    import('@novnc/novnc').then(({ default: Client }) => {
      if (over || !box.current) return
      // noVNC does not pass on why its socket was closed: it is given one that is listened to before.
      const socket = new WebSocket(url, 'binary')
      socket.addEventListener('close', (event) => {
        reason = event.reason
      })
      session = new Client(box.current, socket)
      session.scaleViewport = true
      session.background = 'black'
      session.addEventListener('connect', () => {
        opened = true
        onState('open')
      })
      session.addEventListener('disconnect', (event) => {
        setRFB(null)
        if (!over) onState(...endOf(event.detail.clean, opened, reason))
      })
      session.addEventListener('securityfailure', (event) =>
        onState('failed', event.detail.reason ?? 'The screen refused us.'),
      )
      setRFB(session)
    })
    return () => {
      over = true
      session?.disconnect()
    }
  }, [url, onState])
  return (
    <>
      <section
        ref={box}
        aria-label={`Screen of ${name}`}
        className="h-[min(64dvh,40rem)] overflow-hidden rounded-md bg-black"
        onKeyDownCapture={(event) => {
          if (!isEscape(event.nativeEvent)) return
          event.stopPropagation()
          event.preventDefault()
          leave.current?.focus()
        }}
      />
      <div className="mt-2 flex flex-wrap items-center gap-2">
        <Button size="sm" disabled={!rfb} onClick={() => rfb?.sendCtrlAltDel()}>
          Send Ctrl+Alt+Del
        </Button>
        <Button ref={leave} size="sm" disabled={!rfb} onClick={() => rfb?.focus()}>
          Type into the screen
        </Button>
        <Button size="sm" disabled={!rfb} onClick={() => box.current?.requestFullscreen().then(() => rfb?.focus())}>
          Full screen
        </Button>
        <span className="text-xs text-soft">While it is typed into, all keys are the guest’s; {ESCAPE} leaves it.</span>
      </div>
    </>
  )
}
