package graph

import (
	"bufio"
	"net"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql/handler/transport"
)

// roomWithin is how long a subscriber may take to make room for one message. gqlgen's pings notice who is gone,
// but wait for ever behind a message for one who is there and does not read.
const roomWithin = 30 * time.Second

// sendBuffer is what may be on its way to a websocket's client. The system would let it grow to megabytes: messages that
// cost as much to make as anybody's, for one who has long stopped reading. What waits with us instead costs nothing,
// since changes of the same thing become one.
const sendBuffer = 64 << 10

// impatient are websockets that end when their client does not read.
type impatient struct {
	transport.WebsocketImplementation
}

// Accept is the WebsocketImplementation's.
func (i impatient) Accept(w http.ResponseWriter, r *http.Request, o transport.WebsocketAcceptOptions) (transport.WebsocketConn, error) {
	c, err := i.WebsocketImplementation.Accept(narrow{w}, r, o)
	if err != nil {
		return nil, err
	}
	return socket{c.(conn)}, nil
}

// narrow are connections with a sendBuffer.
type narrow struct{ http.ResponseWriter }

// Hijack is the http.Hijacker's.
func (n narrow) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(n.ResponseWriter).Hijack()
	if tcp, ok := c.(*net.TCPConn); ok && err == nil {
		err = tcp.SetWriteBuffer(sendBuffer)
	}
	return c, rw, err
}

// conn is all that gqlgen asks of a websocket.
type conn interface {
	transport.WebsocketConn
	transport.WebsocketReadLimiter
	transport.WebsocketReadDeadliner
}

type socket struct{ conn }

// WriteJSON is the WebsocketConn's.
func (s socket) WriteJSON(v any) error {
	defer time.AfterFunc(roomWithin, func() { _ = s.Close() }).Stop()
	return s.conn.WriteJSON(v)
}
