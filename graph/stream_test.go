package graph

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
