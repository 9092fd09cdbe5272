// Package graph is the contract: the schema, the code generated from it, and how requests of it
// travel: POST, graphql-transport-ws and SSE.
package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/novacron/novacron/graph/gen"
	"github.com/novacron/novacron/internal/fault"
)

const (
	parsedQueries = 200              // clients send the same few documents again and again; the dashboard has some eighty
	maxParsed     = 4 << 10          // bytes of a document that is worth keeping: the dashboard's largest has 2.4 KiB
	pingEvery     = 15 * time.Second // below the idle limits of common proxies
	initWithin    = 10 * time.Second
	bodyWithin    = 30 * time.Second
)

// Handler serves /graphql.
func Handler(resolvers gen.ResolverRoot, o Options) http.Handler {
	s := handler.New(gen.NewExecutableSchema(gen.Config{Resolvers: resolvers}))
	message := int64(maxMessage)
	s.AddTransport(brief{transport.Websocket{
		// Whether the page is ours has been checked where the request came in: proxies hide the host.
		Implementation:   impatient{transport.CoderWebsocketImplementation{AcceptOptions: websocket.AcceptOptions{InsecureSkipVerify: true}}},
		InitFunc:         o.admit,
		InitTimeout:      initWithin,
		PayloadReadLimit: &message,
		PingPongInterval: pingEvery,
	}})
	s.AddTransport(brief{transport.SSE{KeepAlivePingInterval: pingEvery}})
	s.AddTransport(brief{transport.POST{}})
	s.SetQueryCache(small[*ast.QueryDocument]{lru.New[*ast.QueryDocument](parsedQueries)})
	s.SetParserTokenLimit(maxTokens)
	s.SetValidationRulesFn(validation)
	s.SetDisableSuggestion(true)
	s.SetErrorPresenter(o.present)
	s.SetRecoverFunc(o.recovered)
	s.Use(extension.Introspection{})
	s.Use(newPersisted(o.Manifest))
	s.Use(&limits{passed: small[bool]{lru.New[bool](parsedQueries)}})
	s.AroundOperations(o.bounded)
	s.AroundResponses(func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response { return next(o.Fresh(ctx)) })
	return o.checked(s)
}

// validation is the usual rules without their suggestions ("did you mean"): what compares each unknown word with
// all known ones is kept busy for seconds by a long word, or by many.
func validation() *rules.Rules {
	all := rules.NewDefaultRules()
	for with, without := range map[string]core.Rule{
		rules.KnownArgumentNamesRule.Name:  rules.KnownArgumentNamesRuleWithoutSuggestions,
		rules.KnownTypeNamesRule.Name:      rules.KnownTypeNamesRuleWithoutSuggestions,
		rules.ValuesOfCorrectTypeRule.Name: rules.ValuesOfCorrectTypeRuleWithoutSuggestions,
	} {
		all.RemoveRule(with)
		all.AddRule(without.Name, without.RuleFunc)
	}
	return all
}

// small keeps what is known of small documents. Large ones are rare, and a thousand of them would be a gigabyte.
type small[T any] struct{ graphql.Cache[T] }

// Add is the Cache's.
func (c small[T]) Add(ctx context.Context, document string, known T) {
	if len(document) <= maxParsed {
		c.Cache.Add(ctx, document, known)
	}
}

// brief is a transport that tells the first errors of a document: each is looked up in it, and there may be thousands.
type brief struct{ graphql.Transport }

// Do is the Transport's.
func (b brief) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	b.Transport.Do(w, r, firstErrors{exec})
}

type firstErrors struct{ graphql.GraphExecutor }

// DispatchError is the GraphExecutor's.
func (f firstErrors) DispatchError(ctx context.Context, list gqlerror.List) *graphql.Response {
	return f.GraphExecutor.DispatchError(ctx, list[:min(len(list), maxErrors)])
}

type underWayKey struct{}

// bounded keeps a websocket from having thousands of subscriptions, each of which costs its share of every event, and
// from asking more than requests of their own might.
func (o Options) bounded(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	underWay, ok := ctx.Value(underWayKey{}).(*atomic.Int32)
	if !ok {
		return next(ctx) // a request of its own
	}
	refuse := func(err error) graphql.ResponseHandler {
		return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{o.present(ctx, err)}})
	}
	if err := o.Take(ctx); err != nil {
		return refuse(err)
	}
	if underWay.Add(1) > maxUnderWay {
		underWay.Add(-1)
		return refuse(fault.New(fault.Exhausted, "there are %d queries and subscriptions under way on this connection", maxUnderWay).
			With("End some first, or open another connection."))
	}
	context.AfterFunc(ctx, func() { underWay.Add(-1) })
	return next(ctx)
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
	return context.WithValue(admitted, underWayKey{}, new(atomic.Int32)), nil, nil
}

// checked looks at a request before gqlgen does: at its size, its form, and at what a browser wants.
func (o Options) checked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse := func(status int, remedy, message string) {
			fault.WriteHTTP(w, status, o.RequestID(r.Context()), fault.New(fault.Invalid, "%s", message).With(remedy))
		}
		if upgrade := r.Header.Get("Upgrade"); upgrade != "" {
			if r.Method != http.MethodGet || !strings.EqualFold(upgrade, "websocket") {
				refuse(http.StatusBadRequest, "Open a websocket with the subprotocol graphql-transport-ws, or leave Upgrade out.", "this is no websocket")
				return
			}
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
		case tooMany(body):
			refuse(http.StatusRequestEntityTooLarge, "Send it in parts.", fmt.Sprintf("the request has more than %d values", maxValues))
			return
		case !readable(body):
			refuse(http.StatusBadRequest, `Send one request: {"query": "…", "variables": {…}}.`, "the request cannot be read")
			return
		}
		_ = control.SetReadDeadline(time.Time{}) // only now: net/http reads the rest of a refused body itself
		r.Body = io.NopCloser(bytes.NewReader(body))
		s := &stream{ResponseWriter: w}
		defer s.end()
		next.ServeHTTP(s, r.WithContext(context.WithValue(r.Context(), streamKey{}, s)))
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
// one, compresses it otherwise, and then keeps it back until there is enough of it. And it ends when
// its client does not read.
//
// gqlgen writes its pings from a goroutine of their own, which may outlast the request by a moment. What it wrote then
// would go to a connection that has been given back, and could end the process.
type stream struct {
	http.ResponseWriter
	mu                  sync.Mutex
	begun, events, over bool

	// away is set when our own ground has failed, the database for one. The answer is 503 then, so that proxies, probes
	// and clients that look at no more than the code know it, too.
	away atomic.Bool
}

type streamKey struct{}

// within does something with the response while there is one.
func (s *stream) within(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	if h := s.Header(); !s.begun && strings.HasPrefix(h.Get("Content-Type"), "text/event-stream") {
		h.Set("Cache-Control", "no-cache, no-transform")
		h.Set("X-Accel-Buffering", "no")
		s.events = true
	}
	if !s.begun && !s.events && s.away.Load() {
		fault.Later(s.Header(), http.StatusServiceUnavailable)
		s.ResponseWriter.WriteHeader(http.StatusServiceUnavailable)
	}
	if s.begun = true; s.events {
		_ = http.NewResponseController(s.ResponseWriter).SetWriteDeadline(time.Now().Add(roomWithin))
	}
	do()
}

func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// WriteHeader is the ResponseWriter's; so are Write and Flush.
func (s *stream) WriteHeader(status int) {
	s.within(func() {
		if !s.away.Load() || s.events {
			s.ResponseWriter.WriteHeader(status)
		}
	})
}

// Write is as WriteHeader.
func (s *stream) Write(b []byte) (n int, err error) {
	err = http.ErrHandlerTimeout // as net/http says it of whoever writes too late
	s.within(func() { n, err = s.ResponseWriter.Write(b) })
	return n, err
}

// Flush is as WriteHeader.
func (s *stream) Flush() { s.within(func() { s.ResponseWriter.(http.Flusher).Flush() }) }

// Unwrap is for http.ResponseController.
func (s *stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }
