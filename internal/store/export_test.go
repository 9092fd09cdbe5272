package store

import (
	"context"
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

// OneConnection leaves the store a single connection.
func (s *Store) OneConnection() { s.root.SetMaxOpenConns(1) }

// Execute runs any statement.
func (s *Store) Execute(ctx context.Context, statement string) error {
	_, err := s.db.ExecContext(ctx, statement)
	return err
}

// Texts reads a column of texts.
func (s *Store) Texts(ctx context.Context, query string) (all []string, err error) {
	return all, s.db.NewRaw(query).Scan(ctx, &all)
}
