package store

import (
	"strings"
	"unicode/utf8"

	"github.com/novacron/novacron/internal/fault"
)

// text refuses what Postgres cannot hold: NUL, and bytes that are not UTF-8.
func text(field, s string) error {
	if strings.ContainsRune(s, 0) || !utf8.ValidString(s) {
		return fault.Field(field, "Use plain text.", "it has characters that cannot be searched or stored")
	}
	return nil
}

var literal = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// like makes a LIKE pattern that finds s anywhere, every character of it meaning itself.
func like(s string) string { return "%" + literal.Replace(s) + "%" }
