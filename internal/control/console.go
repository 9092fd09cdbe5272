package control

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
)

// OpenConsole gives a ticket for a websocket to a VM's console: a path on the API's own origin, good
// once, until expires.
func (c *Control) OpenConsole(ctx context.Context, vm uuid.UUID, kind drivers.ConsoleKind) (path string, expires time.Time, err error) {
	return "", time.Time{}, unbuilt()
}

// ConsoleStream uses a ticket up and opens the console. The ticket says who; the context needs no
// viewer. NotFound for a ticket that is used, expired or made up. The caller closes the stream.
func (c *Control) ConsoleStream(ctx context.Context, ticket string) (io.ReadWriteCloser, drivers.ConsoleKind, error) {
	return nil, "", unbuilt()
}
