'use client'
import '@xterm/xterm/css/xterm.css'
import { useEffect, useRef } from 'react'
import type { ConsoleState } from './use-console'

type Props = { url: string; name: string; onState: (state: ConsoleState, why?: string) => void }

/** A VM's serial line: what it sends is shown, what is typed is sent, byte for byte. */
export function SerialLine({ url, name, onState }: Props) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    let end = () => {}
    let over = false
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
        onState('open')
        terminal.focus()
      }
      socket.onmessage = ({ data }) => terminal.write(new Uint8Array(data as ArrayBuffer))
      socket.onclose = ({ wasClean, reason }) => {
        if (!over) onState(wasClean ? 'closed' : 'failed', reason || (wasClean ? '' : 'The connection broke.'))
      }
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
    <section aria-label={`Serial line of ${name}`} className="overflow-hidden rounded-md bg-[#0d0a11] p-2">
      <div ref={box} className="h-[min(60dvh,32rem)]" />
      <p className="sr-only">Press Enter if nothing shows.</p>
    </section>
  )
}
