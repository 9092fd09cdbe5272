import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import { connect } from 'node:net'

const API = /^\/(graphql|auth|console|uploads|api|healthz|readyz)(?=[/?]|$)/

/**
 * One origin for the API and the dashboard, as an installation's reverse proxy makes one. The dashboard has the API's
 * address in its build, and the API of a test listens where there is room.
 */
export function proxy(apiPort: number, dashboardPort: number): Server {
  const portOf = (incoming: IncomingMessage) => (API.test(incoming.url ?? '') ? apiPort : dashboardPort)
  const server = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming
    const onward = request({ host: '127.0.0.1', port: portOf(incoming), method, path, headers }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.rawHeaders)
      reply.pipe(outgoing)
      reply.on('error', () => outgoing.destroy())
    })
    onward.on('error', () => {
      if (!outgoing.headersSent) outgoing.writeHead(502)
      outgoing.end()
    })
    outgoing.on('close', () => onward.destroy())
    incoming.pipe(onward)
  })
  server.on('upgrade', (incoming, socket, head) => {
    const onward = connect(portOf(incoming), '127.0.0.1', () => {
      const lines = [`${incoming.method} ${incoming.url} HTTP/1.1`]
      for (let i = 0; i < incoming.rawHeaders.length; i += 2)
        lines.push(`${incoming.rawHeaders[i]}: ${incoming.rawHeaders[i + 1]}`)
      onward.write(`${lines.join('\r\n')}\r\n\r\n`)
      onward.write(head)
      onward.pipe(socket)
      socket.pipe(onward)
    })
    onward.on('error', () => socket.destroy())
    socket.on('error', () => onward.destroy())
    onward.on('close', () => socket.destroy())
    socket.on('close', () => onward.destroy())
  })
  return server
}
