package graph_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whatever is asked: it is refused or passes to the resolvers, soon, and nothing of our insides is told.
func FuzzQuery(f *testing.F) {
	for _, q := range []string{
		"{about{version}}", "{...f} fragment f on Query{about{...g}} fragment g on About{version}", "query($f:VMFilter={ids:[]}){vms(first:200,filter:$f){edges{node{id}}}}",
		"{a:about{version} ...@include(if:true){about{version}} __typename}", "mutation{startVM(input:{id:\"x\"}){operation{id}}}", "{...a} fragment a on Query{...a}",
		"{" + strings.Repeat("...{", 20) + "__typename" + strings.Repeat("}", 21), "{__schema{types{fields{type{name}}}}}", "{about{version}}#\ufeff\"\"\"\\u{1F600}",
	} {
		f.Add(q, "{}")
	}
	f.Add("query($f:VMFilter){vms(filter:$f){totalCount}}", `{"f":{"ids":["vm_x"],"search":1,"tags":[{}]}}`)
	f.Add("query($n:Int!,$o:VMOrder){vms(first:$n,orderBy:$o){totalCount}}", `{"n":1e99,"o":null}`)
	f.Fuzz(func(t *testing.T, q, variables string) {
		body, err := json.Marshal(map[string]any{"query": q, "variables": json.RawMessage(variables)})
		if err != nil {
			body = []byte(variables) // which is no JSON
		}
		began := time.Now()
		status, a := post(t, string(body))
		require.Less(t, time.Since(began), time.Second)
		require.Less(t, status, http.StatusInternalServerError)
		for _, e := range a.Errors {
			require.NotEmpty(t, e.Extensions.Code, e.Message)
			require.Less(t, len(e.Message), 400)
			require.NotContains(t, e.Message, "runtime error")
		}
	})
}
