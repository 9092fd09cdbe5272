package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/novacron/novacron/internal/fault"
)

// Manifest are the documents that a server takes when it does not take any: by their SHA-256 in hex, as Relay's
// compiler writes them.
type Manifest map[string]string

// ReadManifest reads the manifests of all clients together. Invalid names the file and what is wrong in it.
func ReadManifest(files ...string) (Manifest, error) {
	all := Manifest{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fault.New(fault.Invalid, "%s cannot be read", file).With("Name files that can be read.").Because(err)
		}
		var m Manifest
		if err := json.Unmarshal(text, &m); err != nil {
			return nil, fault.New(fault.Invalid, "%s is no manifest", file).With(`Give JSON: {"SHA-256 of a document in hex": "the document", …}.`).Because(err)
		}
		for hash, document := range m {
			if digest(document) != hash {
				return nil, fault.New(fault.Invalid, "%s: %.64q is not the SHA-256 of its document", file, hash).With("Have the manifest written anew; relay-compiler's algorithm has to be SHA256.")
			}
			if _, err := parser.ParseQuery(&ast.Source{Name: hash, Input: document}); err != nil {
				return nil, fault.New(fault.Invalid, "%s: the document of %s cannot be read", file, hash).With("Have the manifest written anew.").Because(err)
			}
		}
		maps.Copy(all, m)
	}
	return all, nil
}

// Get and Add make a manifest the cache that gqlgen looks into for what a client sends the hash of alone.
func (m Manifest) Get(_ context.Context, hash string) (string, bool) {
	document, ok := m[hash]
	return document, ok
}

// Add adds nothing: who may send a document is not to be told by who sends it.
func (Manifest) Add(context.Context, string, string) {}

func digest(document string) string {
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:])
}

// persisted lets clients send a document's hash instead of it, extensions.persistedQuery as Apollo has it: of one that
// they have sent before, or of the manifest, beside which nothing is taken then.
type persisted struct {
	extension.AutomaticPersistedQuery
	only Manifest // nil: any document
}

func newPersisted(only Manifest) persisted {
	p := persisted{only: only}
	if p.Cache = only; only == nil {
		p.Cache = small[string]{lru.New[string](parsedQueries)}
	}
	return p
}

// MutateOperationParameters finds the document that is meant, and refuses one that is not in the manifest.
func (p persisted) MutateOperationParameters(ctx context.Context, raw *graphql.RawParams) *gqlerror.Error {
	if err := p.AutomaticPersistedQuery.MutateOperationParameters(ctx, raw); err != nil {
		kind, remedy := fault.Invalid, `Send extensions: {"persistedQuery": {"version": 1, "sha256Hash": "…"}}.`
		if err.Extensions != nil { // gqlgen has a code for it, and clients go by its message
			kind, remedy = fault.NotFound, "Send the document with its hash."
		}
		return refused(fault.New(kind, "%s", err.Message).With(remedy))
	}
	if _, ok := p.only[digest(raw.Query)]; p.only != nil && !ok {
		return refused(fault.New(fault.Denied, "this server takes the operations of its manifest, and this is none of them").
			With("Use the dashboard, or have the administrator add the document to the manifest (NOVACRON_PERSISTED_OPERATIONS)."))
	}
	return nil
}

// refused is an error of the document's own: gqlgen's websocket lets others out as they are, without code and remedy.
func refused(f *fault.Error) *gqlerror.Error {
	err := gqlerror.Wrap(f)
	errcode.Set(err, errcode.ValidationFailed)
	return err
}
