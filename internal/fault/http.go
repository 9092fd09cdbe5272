package fault

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
)

// Extensions are the machine-readable half of an error, as GraphQL's errors[].extensions and every
// other answer have them: code always, the rest where there is something to say.
func (e *Error) Extensions(requestID string) map[string]any {
	x := map[string]any{"code": e.Kind}
	for k, v := range map[string]string{
		"field": e.Field, "remedy": e.Remedy, "provider": e.Provider,
		"providerCode": e.ProviderCode, "providerText": e.ProviderText, "requestId": requestID,
	} {
		if v != "" {
			x[k] = v
		}
	}
	if e.RetryAfter > 0 {
		x["retryAfter"] = e.retryAfter()
	}
	return x
}

// retryAfter is RetryAfter in whole seconds, never too few.
func (e *Error) retryAfter() int { return int(math.Ceil(e.RetryAfter.Seconds())) }

// Later tells a client that is refused for a while when to ask again, unless that is said already.
func Later(h http.Header, status int) {
	if status == http.StatusServiceUnavailable && h.Get("Retry-After") == "" {
		h.Set("Retry-After", "1")
	}
}

// WriteHTTP answers a request with an error, in the shape that GraphQL gives them: one shape for
// clients, whatever they called. status 0 takes the kind's own; 429 for what is exhausted for a while only.
func WriteHTTP(w http.ResponseWriter, status int, requestID string, err error) {
	e := Of(err)
	if status == 0 {
		status = e.Kind.HTTPStatus()
		if e.Kind == Exhausted && e.RetryAfter > 0 {
			status = http.StatusTooManyRequests
		}
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.retryAfter()))
	}
	body, _ := json.Marshal(map[string]any{"errors": []any{
		map[string]any{"message": e.Message, "extensions": e.Extensions(requestID)},
	}})
	Later(w.Header(), status)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
