package graph

import (
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql/handler/transport"
)

// roomWithin is how long a subscriber may take to make room for one message. gqlgen's pings notice who is gone,
// but wait for ever behind a message for one who is there and does not read.
const roomWithin = 30 * time.Second

// impatient are websockets that end when their client does not read.
type impatient struct {
	transport.WebsocketImplementation
}

// Accept is the WebsocketImplementation's.
func (i impatient) Accept(w http.ResponseWriter, r *http.Request, o transport.WebsocketAcceptOptions) (transport.WebsocketConn, error) {
	c, err := i.WebsocketImplementation.Accept(w, r, o)
	if err != nil {
		return nil, err
	}
	return socket{c.(conn)}, nil
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
