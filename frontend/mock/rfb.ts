import type { WebSocket } from 'ws'

const WIDTH = 640
const HEIGHT = 400
/** A VNC server that paints one picture and never beeps: enough to see that a screen is shown. */
export function serveScreen(socket: WebSocket) {
  let state: 'version' | 'security' | 'init' | 'live' = 'version'
  socket.send(Buffer.from('RFB 003.008\n'))
  socket.on('message', (data) => {
    const bytes = Buffer.isBuffer(data) ? data : Buffer.from(data as ArrayBuffer)
    if (state === 'version') {
      state = 'security'
      socket.send(Buffer.from([1, 1]))
    } else if (state === 'security') {
      state = 'init'
      socket.send(Buffer.from([0, 0, 0, 0]))
    } else if (state === 'init') {
      state = 'live'
      socket.send(serverInit('mock'))
      socket.send(picture())
    } else if (bytes[0] === 3 && bytes[1] === 0) socket.send(picture())
  })
}

function serverInit(name: string) {
  const reply = Buffer.alloc(24 + name.length)
  reply.writeUInt16BE(WIDTH, 0)
  reply.writeUInt16BE(HEIGHT, 2)
  // 32 bits a pixel, depth 24, little endian, true colour; 255 for each of red, green, blue at bits 16, 8, 0.
  reply.set([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0], 4)
  reply.writeUInt32BE(name.length, 20)
  reply.write(name, 24)
  return reply
}

function picture() {
  const head = Buffer.alloc(16)
  head.writeUInt16BE(1, 2)
  head.writeUInt16BE(WIDTH, 8)
  head.writeUInt16BE(HEIGHT, 10)
  const pixels = Buffer.alloc(WIDTH * HEIGHT * 4)
  for (let y = 0; y < HEIGHT; y++)
    for (let x = 0; x < WIDTH; x++) {
      const text = y > 24 && y < 340 && y % 18 < 9 && x > 16 && x < 90 + ((y * 7919) % 380) && (x * 31 + y * 17) % 5 < 2
      pixels.writeUInt32LE(text ? 0xc8c0b8 : 0x181410, (y * WIDTH + x) * 4)
    }
  return Buffer.concat([head, pixels])
}
