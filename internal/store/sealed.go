package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// Sealed is a value that the secrets room has sealed.
type Sealed struct {
	Of       string    // "providers", "issuers"; "operations": a seed that ends with its operation
	ID       uuid.UUID // of the row
	TenantID uuid.UUID // uuid.Nil for one of the platform's
	Value    []byte
}

// sealedColumns are where they are.
var sealedColumns = map[string]string{"providers": "credentials", "issuers": "client_secret"}

// SealedValues are all that there are. Those of operations that have ended are of no use to anybody any more.
func (s *Store) SealedValues(ctx context.Context) ([]Sealed, error) {
	var all []Sealed
	err := s.db.NewRaw(`SELECT 'providers' AS of, id, tenant_id, credentials AS value FROM providers WHERE credentials IS NOT NULL
		UNION ALL SELECT 'issuers', id, ?0, client_secret FROM issuers WHERE client_secret IS NOT NULL
		UNION ALL SELECT 'operations', id, tenant_id, decode(input ->> 'Seed', 'base64') FROM operations WHERE finished_at IS NULL AND jsonb_exists(input, 'Seed')`, uuid.Nil).Scan(ctx, &all)
	return all, broken(err)
}

// Reseal exchanges a value, unless somebody else has changed it since it was read: false.
func (s *Store) Reseal(ctx context.Context, was Sealed, now []byte) (bool, error) {
	column := sealedColumns[was.Of]
	if column == "" {
		return false, nil
	}
	r, err := s.db.NewRaw("UPDATE ?0 SET ?1 = ?2 WHERE id = ?3 AND ?1 = ?4", bun.Ident(was.Of), bun.Ident(column), now, was.ID, was.Value).Exec(ctx)
	if err != nil {
		return false, broken(err)
	}
	n, err := r.RowsAffected()
	return n == 1, err
}
