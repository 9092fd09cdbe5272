'use client'
import '@xterm/xterm/css/xterm.css'
import { useEffect, useRef } from 'react'
import { Button } from '@/ui/Button'
import { ESCAPE, isEscape } from './escape'
import { type ConsoleState, endOf } from './use-console'

type Props = { url: string; name: string; onState: (state: ConsoleState, why?: string) => void }

/** A VM's serial line: what it sends is shown, what is typed is sent, byte for byte. */
export function SerialLine({ url, name, onState }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const frame = useRef<HTMLElement>(null)
  const leave = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    let end = () => {}
    let over = false
    let opened = false
    Promise.all([import('@xterm/xterm'), import('@xterm/addon-fit')]).then(([{ Terminal }, { FitAddon }]) => {
      if (over || !box.current) return
      const terminal = new Terminal({
        fontFamily: 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, monospace',
        fontSize: 13,
        cursorBlink: true,
        scrollback: 5000,
        screenReaderMode: true,
        theme: { background: '#0d0a11', foreground: '#e9e4ee', cursor: '#d98be0' },
      })
      const fit = new FitAddon()
      terminal.loadAddon(fit)
      terminal.open(box.current)
      fit.fit()
      const resized = new ResizeObserver(() => fit.fit())
      resized.observe(box.current)
      const socket = new WebSocket(url, 'binary')
      socket.binaryType = 'arraybuffer'
      const bytes = new TextEncoder()
      socket.onopen = () => {
        opened = true
        onState('open')
        terminal.focus()
      }
      socket.onmessage = ({ data }) => terminal.write(new Uint8Array(data as ArrayBuffer))
      socket.onclose = ({ wasClean, reason }) => {
        if (!over) onState(...endOf(wasClean, opened, reason))
      }
      terminal.attachCustomKeyEventHandler((event) => {
        if (!isEscape(event)) return true
        if (event.type === 'keydown') leave.current?.focus()
        event.preventDefault()
        return false
      })
      const typed = terminal.onData((text) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(bytes.encode(text))
      })
      end = () => {
        resized.disconnect()
        typed.dispose()
        socket.close()
        terminal.dispose()
      }
    })
    return () => {
      over = true
      end()
    }
  }, [url, onState])
  return (
    <>
      <section
        ref={frame}
        aria-label={`Serial line of ${name}`}
        className="overflow-hidden rounded-md bg-[#0d0a11] p-2"
      >
        <div ref={box} className="h-[min(60dvh,32rem)] in-fullscreen:h-full" />
      </section>
      <div className="mt-2 flex flex-wrap items-center gap-2">
        <Button ref={leave} size="sm" onClick={() => box.current?.querySelector('textarea')?.focus()}>
          Type into the line
        </Button>
        <Button
          size="sm"
          onClick={() => frame.current?.requestFullscreen().then(() => box.current?.querySelector('textarea')?.focus())}
        >
          Full screen
        </Button>
        <span className="text-xs text-soft">
          Press Enter if nothing shows. While it is typed into, all keys are the guest’s; {ESCAPE} leaves it.
        </span>
      </div>
    </>
  )
}
