package graph_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/graph"
	"github.com/novacron/novacron/internal/fault"
)

func hash(document string) string {
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:])
}

// schema asks what gqlgen answers by itself: no resolver is needed to see that it was taken.
const schema, other = "{ __schema { queryType { name } } }", "{ __typename }"

// ask sends a document, its hash or both; errors are told by their code, and "" is an answer.
func ask(t *testing.T, h http.Handler, document, sum string) (code, message string) {
	t.Helper()
	in := map[string]any{"query": document}
	if sum != "" {
		in["extensions"] = map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": sum}}
	}
	body, err := json.Marshal(in)
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	_, a := send(h, r)
	if len(a.Errors) == 0 {
		return "", ""
	}
	assert.NotEmpty(t, a.Errors[0].Extensions.Remedy, a.Errors[0].Message)
	return a.Errors[0].Extensions.Code, a.Errors[0].Message
}

func TestManifestAlone(t *testing.T) {
	h := handlerFor(graph.Manifest{hash(schema): schema})
	for name, c := range map[string]struct{ document, hash, code string }{
		"what is in it":                  {schema, "", ""},
		"its hash":                       {"", hash(schema), ""},
		"both":                           {schema, hash(schema), ""},
		"another document":               {other, "", "DENIED"},
		"another one with its own hash":  {other, hash(other), "DENIED"},
		"another one's hash":             {"", hash(other), "NOT_FOUND"},
		"another one with a known hash":  {other, hash(schema), "INVALID"},
		"a known one with another space": {schema + " ", "", "DENIED"},
		"nothing":                        {"", "", "DENIED"},
		"no document at all":             {"}", "", "DENIED"},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // sent once, it is not known the second time
				code, message := ask(t, h, c.document, c.hash)
				assert.Equal(t, c.code, code, message)
			}
		})
	}
}

// Clients may leave out a document that they have sent before, and can slip nothing in under another one's hash.
func TestHashesInsteadOfDocuments(t *testing.T) {
	h := handler()
	code, message := ask(t, h, "", hash(schema))
	assert.Equal(t, "NOT_FOUND", code)
	assert.Equal(t, "PersistedQueryNotFound", message, "by which clients know that they are to send it")
	code, _ = ask(t, h, other, hash(schema))
	assert.Equal(t, "INVALID", code)
	code, _ = ask(t, h, schema, hash(schema))
	assert.Empty(t, code)
	code, _ = ask(t, h, "", hash(schema))
	assert.Empty(t, code)
	code, _ = ask(t, h, "", "")
	assert.Equal(t, "INVALID", code)
}

func TestReadManifest(t *testing.T) {
	write := func(m any) string {
		text, err := json.Marshal(m)
		require.NoError(t, err)
		file := filepath.Join(t.TempDir(), "operations.json")
		require.NoError(t, os.WriteFile(file, text, 0o600))
		return file
	}
	m, err := graph.ReadManifest(write(graph.Manifest{hash(schema): schema}), write(graph.Manifest{hash(other): other}))
	require.NoError(t, err)
	assert.Len(t, m, 2, "those of all files")
	for name, file := range map[string]string{
		"no file":          filepath.Join(t.TempDir(), "none"),
		"no manifest":      write([]string{schema}),
		"MD5":              write(graph.Manifest{"d41d8cd98f00b204e9800998ecf8427e": schema}),
		"another document": write(graph.Manifest{hash(schema): other}),
		"no document":      write(graph.Manifest{hash("}"): "}"}),
	} {
		_, err := graph.ReadManifest(file)
		assert.True(t, fault.Is(err, fault.Invalid), "%s: %v", name, err)
		assert.NotEmpty(t, fault.Of(err).Remedy, name)
	}
}
