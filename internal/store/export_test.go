package store

import (
	"io/fs"
	"slices"
)

// WithHistory is the store as a program with other migrations has it.
func (s *Store) WithHistory(history fs.FS) *Store {
	other := *s
	other.history = history
	return &other
}

// BackupTables are the tables that a backup thinks of: those that it has, and those that it leaves out.
func BackupTables() []string { return slices.Concat(kept, passing) }
