package store

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fleet"
)

// PersonalData is all that is stored of one person, by table: what they are owed when they ask for it. Secrets are not
// in it, nor their hashes. It is for the database's owner alone.
func (s *Store) PersonalData(ctx context.Context, user uuid.UUID) (map[string][]json.RawMessage, error) {
	all := map[string][]json.RawMessage{}
	for table, query := range map[string]string{
		"users":      "SELECT to_jsonb(r) - 'password_hash' FROM users r WHERE id = ?0",
		"grants":     "SELECT to_jsonb(r) FROM grants r WHERE user_id = ?0 ORDER BY created_at",
		"sessions":   "SELECT to_jsonb(r) - 'hash' FROM sessions r WHERE user_id = ?0 ORDER BY created_at",
		"api_tokens": "SELECT to_jsonb(r) - 'hash' FROM api_tokens r WHERE user_id = ?0 ORDER BY created_at",
		"operations": "SELECT jsonb_build_object('id', id, 'kind', kind, 'target_name', target_name, 'requested_by', requested_by, 'created_at', created_at) FROM operations WHERE user_id = ?0 ORDER BY id",
		"audit":      "SELECT to_jsonb(r) - 'salt' - 'personal' FROM audit r WHERE user_id = ?0 OR target_type = ?1 AND target_id = ?0 ORDER BY id",
	} {
		rows := []json.RawMessage{}
		if err := s.db.NewRaw(query, user, fleet.TargetPerson).Scan(ctx, &rows); err != nil {
			return nil, broken(err)
		}
		all[table] = rows
	}
	return all, nil
}

// ForgetPerson takes out whatever tells who somebody is. What they did stays, and so does its seal. They cannot sign in any
// more, and hold nothing. It is for the database's owner alone.
func (s *Store) ForgetPerson(ctx context.Context, u *fleet.User) error {
	return s.Tx(ctx, func(tx *Store) error {
		// the audit log first: its last line about them says that they were forgotten, and by no name
		if _, err := tx.ForgetInAudit(ctx, u.ID); err != nil {
			return err
		}
		for _, statement := range []string{
			"DELETE FROM sessions WHERE user_id = ?0",
			"DELETE FROM api_tokens WHERE user_id = ?0",
			"DELETE FROM grants WHERE user_id = ?0",
			"UPDATE grants SET granted_by = ?1 WHERE granted_by = ?2",
			"UPDATE policies SET changed_by = ?1 WHERE changed_by = ?2",
			"UPDATE operations SET requested_by = ?1 WHERE user_id = ?0",
			`UPDATE users SET name = 'forgotten-' || id, full_name = '', email = '', subject = '', issuer_id = NULL, password_hash = '', platform_admin = false,
				deactivated_at = coalesce(deactivated_at, now()) WHERE id = ?0`,
			"INSERT INTO audit (tenant_id, actor, action, target_type, target_id) SELECT tenant_id, 'novacron person forget', 'forgetPerson', ?3, id FROM users WHERE id = ?0",
		} {
			if _, err := tx.db.ExecContext(ctx, statement, u.ID, fleet.Forgotten, u.Name, fleet.TargetPerson); err != nil {
				return broken(err)
			}
		}
		return nil
	})
}
