// Package migrations holds the database's history as SQL, up and down, inside the binary.
package migrations

import "embed"

// FS has the files. Their numbers are the order; one that has landed is never edited.
//
//go:embed *.sql
var FS embed.FS
