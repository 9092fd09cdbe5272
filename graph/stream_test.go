package graph

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/fault"
)

// Whoever looks at no more than the code is to know when it is our own ground that has failed, and not a provider's.
func TestOurOwnFailureIsTheAnswersCode(t *testing.T) {
	o := Options{RequestID: func(context.Context) string { return "1" }}
	providers := fault.New(fault.Unavailable, "the host kvm-1 does not answer")
	providers.Provider = "LIBVIRT"
	for want, failed := range map[int]*fault.Error{
		http.StatusServiceUnavailable: fault.New(fault.Unavailable, "the database does not answer"),
		http.StatusOK:                 providers,
	} {
		handler := o.checked(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := w.Write([]byte(o.present(r.Context(), failed).Message))
			require.NoError(t, err)
		}))
		r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(`{"query": "{ __typename }"}`))
		r.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		assert.Equal(t, want, answer.Code)
		assert.Equal(t, want == http.StatusServiceUnavailable, answer.Header().Get("Retry-After") != "")
		assert.Equal(t, failed.Message, answer.Body.String())
	}
}

// A ping that comes when its stream has ended touches nothing: the connection may be another request's by then.
func TestNothingIsWrittenAfterTheEnd(t *testing.T) {
	var kept http.ResponseWriter
	handler := Options{}.checked(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, err := w.Write([]byte("event"))
		require.NoError(t, err)
		kept = w
	}))
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(`{"query": "{ __typename }"}`))
	r.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, r)
	_, err := kept.Write([]byte(": ping"))
	require.Error(t, err)
	kept.(http.Flusher).Flush()
	kept.WriteHeader(http.StatusTeapot)
	assert.Equal(t, "event", answer.Body.String())
	assert.False(t, answer.Flushed)
}
