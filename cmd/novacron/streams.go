package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
)

// consoleIdle is how often a silent console is probed: proxies cut what says nothing for a minute.
const consoleIdle = 20 * time.Second

// consoleRefused closes a console that cannot be opened; the reason says why.
const consoleRefused websocket.StatusCode = 4000

// reason fits into a close frame: 123 bytes.
func reason(f *fault.Error) string {
	text := f.Message
	if f.Remedy != "" {
		text += ". " + f.Remedy
	}
	if len(text) > 120 {
		text = strings.ToValidUTF8(text[:120], "") + "…"
	}
	return text
}

// serveConsole is GET /console/{ticket}: a websocket that carries the console's own bytes both ways. With ?take=1 it ends
// the session of whoever has the serial line open.
func (h *house) serveConsole(w http.ResponseWriter, r *http.Request) {
	id := access.RequestID(r.Context())
	if r.Header.Get("Upgrade") == "" {
		fault.WriteHTTP(w, http.StatusUpgradeRequired, id, fault.New(fault.Invalid, "this is a websocket").With("Open it with the subprotocol binary."))
		return
	}
	stream, kind, err := h.control.ConsoleStream(r.Context(), r.PathValue("ticket"), r.URL.Query().Get("take") == "1")
	if f := fault.Of(err); err != nil && (f.Kind == fault.Unauthorized || f.Kind == fault.NotFound && f.Provider == "") {
		fault.WriteHTTP(w, 0, id, err) // no ticket, no websocket
		return
	}
	// The page's origin has been checked by the door.
	ws, refused := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"binary"}, InsecureSkipVerify: true})
	if refused != nil {
		if err == nil {
			_ = stream.Close()
		}
		return
	}
	defer func() { _ = ws.CloseNow() }()
	if err != nil { // a page reads why a websocket was closed, and not why it was never opened
		_ = ws.Close(consoleRefused, reason(fault.Of(err)))
		return
	}
	defer stream.Close()
	h.log.Info("console opened", "kind", kind, "requestId", id)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(ctx, func() { stream.Close() })()
	go probe(ctx, ws, cancel)
	client := websocket.NetConn(ctx, ws, websocket.MessageBinary)
	ended := make(chan struct{}, 2) // why is no news: one of the two has hung up
	go func() { _, _ = io.Copy(stream, client); ended <- struct{}{} }()
	go func() { _, _ = io.Copy(client, stream); ended <- struct{}{} }()
	<-ended
	_ = ws.Close(websocket.StatusNormalClosure, "the console has ended")
}

// probe ends a console whose browser has gone without a word.
func probe(ctx context.Context, ws *websocket.Conn, gone context.CancelFunc) {
	tick := time.NewTicker(consoleIdle)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		wait, done := context.WithTimeout(ctx, consoleIdle)
		err := ws.Ping(wait)
		done()
		if err != nil {
			gone()
			return
		}
	}
}

// serveUpload is PUT /uploads/{ticket}: an image, as it comes. It may take hours; one that stalls is given up
// by whoever takes it in.
func (h *house) serveUpload(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{})
	err := h.control.ReceiveUpload(r.Context(), r.PathValue("ticket"), r.Body, r.ContentLength)
	_ = control.SetReadDeadline(time.Now().Add(requestWithin)) // net/http reads what is left of a refused one
	_ = control.SetWriteDeadline(time.Now().Add(answerWithin))
	if err != nil {
		fault.WriteHTTP(w, 0, access.RequestID(r.Context()), err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
