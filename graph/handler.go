// Package graph is the contract: the schema, the code generated from it, and how requests of it
// travel: POST, graphql-transport-ws and SSE.
package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/novacron/novacron/graph/gen"
	"github.com/novacron/novacron/internal/fault"
)

const (
	parsedQueries = 1000             // clients send the same few documents again and again
	pingEvery     = 15 * time.Second // below the idle limits of common proxies
	initWithin    = 10 * time.Second
	bodyWithin    = 30 * time.Second
)

// Handler serves /graphql.
func Handler(resolvers gen.ResolverRoot, o Options) http.Handler {
	s := handler.New(gen.NewExecutableSchema(gen.Config{Resolvers: resolvers}))
	s.AddTransport(transport.Websocket{
		// Whether the page is ours has been checked where the request came in: proxies hide the host.
		Implementation:   transport.CoderWebsocketImplementation{AcceptOptions: websocket.AcceptOptions{InsecureSkipVerify: true}},
		InitFunc:         o.admit,
		InitTimeout:      initWithin,
		PingPongInterval: pingEvery,
	})
	s.AddTransport(transport.SSE{KeepAlivePingInterval: pingEvery})
	s.AddTransport(transport.POST{})
	s.SetQueryCache(lru.New[*ast.QueryDocument](parsedQueries))
	s.SetParserTokenLimit(maxTokens)
	s.SetValidationRulesFn(validation)
	s.SetErrorPresenter(o.present)
	s.SetRecoverFunc(o.recovered)
	s.Use(extension.Introspection{})
	s.Use(&limits{})
	s.AroundResponses(func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response { return next(o.Fresh(ctx)) })
	return o.checked(s)
}

// validation is the usual rules, but for one that makes suggestions for wrong values: half a megabyte
// of text where an enum belongs keeps it busy for seconds.
func validation() *rules.Rules {
	all := rules.NewDefaultRules()
	all.RemoveRule(rules.ValuesOfCorrectTypeRule.Name)
	all.AddRule(rules.ValuesOfCorrectTypeRuleWithoutSuggestions.Name, rules.ValuesOfCorrectTypeRuleWithoutSuggestions.RuleFunc)
	return all
}

func (o Options) admit(ctx context.Context, init transport.InitPayload) (context.Context, *transport.InitPayload, error) {
	authorization := init.Authorization()
	if authorization == "" {
		authorization, _ = init["authorization"].(string)
	}
	admitted, err := o.Admit(ctx, authorization)
	if err != nil {
		return transport.AppendCloseReason(ctx, "Unauthorized"), nil, errors.New(fault.Of(err).Message)
	}
	return admitted, nil, nil
}

// checked looks at a request before gqlgen does: at its size, its form, and at what a browser wants.
func (o Options) checked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse := func(status int, remedy, message string) {
			fault.WriteHTTP(w, status, o.RequestID(r.Context()), fault.New(fault.Invalid, "%s", message).With(remedy))
		}
		if r.Header.Get("Upgrade") != "" {
			next.ServeHTTP(w, r)
			return
		}
		if r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html") {
			http.Redirect(w, r, o.Explorer, http.StatusFound)
			return
		}
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", "POST")
			refuse(http.StatusMethodNotAllowed, "Send it with POST.", "queries are not taken from the address")
			return
		}
		if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
			refuse(http.StatusUnsupportedMediaType, "Send Content-Type: application/json.", "the request is no JSON")
			return
		}
		// A body that trickles in would hold its connection for ever. Not every writer can do this; ours can.
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Now().Add(bodyWithin))
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			refuse(http.StatusRequestEntityTooLarge, "Send at most 1 MiB; images go to their upload's own path.", "the request is too large")
			return
		case err != nil:
			refuse(http.StatusRequestTimeout, "Send it in one go.", "the request did not come in time")
			return
		case !readable(body):
			refuse(http.StatusBadRequest, `Send one request: {"query": "…", "variables": {…}}.`, "the request cannot be read")
			return
		}
		_ = control.SetReadDeadline(time.Time{}) // only now: net/http reads the rest of a refused body itself
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(&stream{ResponseWriter: w}, r)
	})
}

// readable reports whether gqlgen will be able to read the body: it quotes those that it cannot in its
// answers and its log, with whatever secrets are in them.
func readable(body []byte) bool {
	var in struct {
		Query         string                     `json:"query"`
		OperationName string                     `json:"operationName"`
		Variables     map[string]json.RawMessage `json:"variables"`
		Extensions    map[string]json.RawMessage `json:"extensions"`
	}
	return json.Unmarshal(body, &in) == nil
}

// stream tells proxies between us and the browser to leave an event stream as it is. Next.js, for
// one, compresses it otherwise, and then keeps it back until there is enough of it.
type stream struct {
	http.ResponseWriter
	begun bool
}

func (s *stream) begin() {
	if h := s.Header(); !s.begun && strings.HasPrefix(h.Get("Content-Type"), "text/event-stream") {
		h.Set("Cache-Control", "no-cache, no-transform")
		h.Set("X-Accel-Buffering", "no")
	}
	s.begun = true
}

// WriteHeader is the ResponseWriter's, with begin before it; so are Write and Flush.
func (s *stream) WriteHeader(status int) { s.begin(); s.ResponseWriter.WriteHeader(status) }

// Write is as WriteHeader.
func (s *stream) Write(b []byte) (int, error) { s.begin(); return s.ResponseWriter.Write(b) }

// Flush is as WriteHeader.
func (s *stream) Flush() { s.begin(); s.ResponseWriter.(http.Flusher).Flush() }

// Unwrap is for http.ResponseController.
func (s *stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }
