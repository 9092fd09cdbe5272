import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { execute, type GraphQLError, parse, subscribe, validate } from 'graphql'
import { createHandler } from 'graphql-sse/lib/use/http'
import { useServer as serveGraphQL } from 'graphql-ws/use/ws'
import { type WebSocket, WebSocketServer } from 'ws'
import { stir } from './life'
import { ISSUERS } from './people'
import { serveScreen } from './rfb'
import { mockSchema } from './schema'
import { seed } from './seed'
import { World } from './world'

const PORT = Number(process.env.PORT ?? 8080)
const world = new World(seed(Number(process.env.MOCK_VMS ?? 184)))
const schema = mockSchema(world)
const sse = createHandler({ schema })

const signedIn = (request: IncomingMessage) =>
  /novacron_session=1/.test(request.headers.cookie ?? '') || /^Bearer /.test(request.headers.authorization ?? '')

async function body(request: IncomingMessage) {
  let text = ''
  for await (const chunk of request) text += chunk
  return text ? JSON.parse(text) : {}
}

function json(response: ServerResponse, status: number, value: unknown, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
}

const refusal = (code: string, message: string, remedy: string) => ({ error: { code, message, remedy } })

const SIGNED_IN = 'novacron_session=1; HttpOnly; Path=/; SameSite=Lax'

/** The issuer vouches for whoever comes, without a page of its own; all others are away. */
function vouch(request: IncomingMessage, response: ServerResponse) {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://mock')
  const to = searchParams.get('to') ?? '/'
  if (pathname === `/auth/issuers/${ISSUERS[0]?.id}`)
    return response.writeHead(302, { location: to, 'set-cookie': SIGNED_IN }).end()
  const query = new URLSearchParams({ problem: 'away', request: '0190b4c2-7d1e-7c55-9f0a-3b6c8d2e4f10', to })
  response.writeHead(302, { location: `/sign-in?${query}` }).end()
}

async function answer(request: IncomingMessage, response: ServerResponse) {
  const path = request.url?.split('?')[0] ?? '/'
  if (path === '/auth/sign-in') {
    const { name, password } = await body(request)
    if (!name || !password || password === 'wrong')
      return json(
        response,
        401,
        refusal(
          'UNAUTHORIZED',
          'Name or password is wrong.',
          'Try again; the first administrator’s password was printed when NovaCron was started.',
        ),
      )
    return response.writeHead(204, { 'set-cookie': SIGNED_IN }).end()
  }
  if (path === '/auth/issuers') return json(response, 200, ISSUERS)
  if (path.startsWith('/auth/issuers/')) return vouch(request, response)
  if (path === '/auth/sign-out')
    return response.writeHead(204, { 'set-cookie': 'novacron_session=; Max-Age=0; Path=/' }).end()
  if (path === '/healthz' || path === '/readyz') return json(response, 200, { ok: true })
  if (!signedIn(request)) return json(response, 401, refusal('UNAUTHORIZED', 'Sign in first.', ''))
  if (path.startsWith('/uploads/')) {
    for await (const _ of request);
    return response.writeHead(204).end()
  }
  if (path !== '/graphql') return json(response, 404, refusal('NOT_FOUND', 'There is nothing here.', ''))
  if (request.headers.accept?.includes('text/event-stream')) return sse(request, response)
  const { query, variables, operationName } = await body(request)
  json(response, 200, await perform(query, variables, operationName))
}

async function perform(query: string, variables: Record<string, unknown>, operationName: string) {
  const document = parse(query)
  const errors: readonly GraphQLError[] = validate(schema, document)
  if (errors.length) return { errors }
  return execute({ schema, document, variableValues: variables, operationName })
}

function serveSerial(socket: WebSocket) {
  socket.send(Buffer.from('\r\nDebian GNU/Linux 12 web-01 ttyS0\r\n\r\nweb-01 login: '))
  socket.on('message', (data) =>
    socket.send(Buffer.from(data.toString().replaceAll('\r', '\r\nweb-01 login: ')), { binary: true }),
  )
}

const server = createServer((request, response) => {
  answer(request, response).catch((cause) => json(response, 500, refusal('INTERNAL', String(cause), '')))
})
const graphql = new WebSocketServer({ noServer: true, handleProtocols: () => 'graphql-transport-ws' })
const consoles = new WebSocketServer({ noServer: true, handleProtocols: () => 'binary' })
serveGraphQL({ schema, execute, subscribe }, graphql)
consoles.on('connection', (socket, request) =>
  request.url?.includes('/vnc-') ? serveScreen(socket) : serveSerial(socket),
)
server.on('upgrade', (request, socket, head) => {
  if (!signedIn(request)) return socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n')
  const to = request.url?.startsWith('/console/') ? consoles : graphql
  to.handleUpgrade(request, socket, head, (opened) => to.emit('connection', opened, request))
})
server.listen(PORT, '127.0.0.1', () =>
  console.log(`mock API on http://127.0.0.1:${PORT}: sign in with any name, any password but "wrong"`),
)
if (!process.env.MOCK_STILL) stir(world)
