package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fleet"
)

// sealed is how many lines a seal holds at most.
const sealed = 1000

// near is how far behind the newest sealed line one is looked for that was committed later: beyond that a sweep finds it.
const near = 2_000

// SealAudit seals the oldest lines that no seal holds: of those that are new, or, to sweep, of the last day. nil when
// there are none, or another replica is at it.
func (s *Store) SealAudit(ctx context.Context, sweep bool) (seal *fleet.AuditSeal, err error) {
	err = s.Tx(ctx, func(tx *Store) error {
		var mine bool
		if err := tx.db.NewRaw("SELECT pg_try_advisory_xact_lock(hashtext('novacron seal audit'))").Scan(ctx, &mine); err != nil || !mine {
			return broken(err)
		}
		var last []*fleet.AuditSeal
		if err := tx.db.NewSelect().Model(&last).Order("n DESC").Limit(1).Scan(ctx); err != nil {
			return broken(err)
		}
		next := &fleet.AuditSeal{N: 1}
		var before []byte
		var newest int64
		if len(last) > 0 {
			next.N, before = last[0].N+1, last[0].Hash
			if err := tx.db.NewRaw("SELECT max(upper(ids)) FROM (SELECT ids FROM audit_seals ORDER BY n DESC LIMIT 100) s").Scan(ctx, &newest); err != nil {
				return broken(err)
			}
		}
		var lines []*fleet.AuditLine
		q := tx.db.NewSelect().Model(&lines).Order("id").Limit(sealed)
		if sweep {
			q.Where("at > now() - interval '1 day'").
				Where("NOT id <@ coalesce((SELECT range_agg(r) FROM audit_seals s, unnest(s.ids) r WHERE s.at > now() - interval '2 days'), '{}')")
		} else {
			q.Where("id > ?", newest-near).
				Where("NOT id <@ coalesce((SELECT range_agg(r) FROM audit_seals s, unnest(s.ids) r WHERE upper(s.ids) > ?), '{}')", newest-near)
		}
		if err := q.Scan(ctx); err != nil || len(lines) == 0 {
			return broken(err)
		}
		var ids strings.Builder
		for i, l := range lines {
			fmt.Fprintf(&ids, "%s[%d,%d]", map[bool]string{true: ",", false: ""}[i > 0], l.ID, l.ID)
			leaf := l.Leaf()
			next.Leaves = append(next.Leaves, leaf[:]...)
		}
		next.IDs, next.Lines = "{"+ids.String()+"}", len(lines)
		next.Hash = next.Chain(before)
		if _, err := tx.db.NewInsert().Model(next).Exec(ctx); err != nil {
			return broken(err)
		}
		seal = next
		return nil
	})
	return seal, err
}

// AuditSeals are those after the one with that number, in their order.
func (s *Store) AuditSeals(ctx context.Context, after int64, first int) ([]*fleet.AuditSeal, error) {
	var all []*fleet.AuditSeal
	err := s.db.NewSelect().Model(&all).Where("n > ?", after).Order("n").Limit(int64(first)).Scan(ctx)
	return all, broken(err)
}

// AuditLines are those that a seal holds, in its order; fewer when some have been removed.
func (s *Store) AuditLines(ctx context.Context, seal *fleet.AuditSeal) ([]*fleet.AuditLine, error) {
	var all []*fleet.AuditLine
	err := s.db.NewSelect().Model(&all).Where("id BETWEEN lower(?0::int8multirange) AND upper(?0::int8multirange) - 1", seal.IDs).
		Where("id <@ ?::int8multirange", seal.IDs).Order("id").Scan(ctx)
	return all, broken(err)
}

// SealedIDs are the lines that a seal holds, in its order.
func (s *Store) SealedIDs(ctx context.Context, seal *fleet.AuditSeal) ([]int64, error) {
	var all []int64
	err := s.db.NewRaw("SELECT i FROM unnest(?::int8multirange) r, generate_series(lower(r), upper(r) - 1) i ORDER BY i", seal.IDs).Scan(ctx, &all)
	return all, broken(err)
}

// CountUnsealed is how many lines older than age no seal holds.
func (s *Store) CountUnsealed(ctx context.Context, age time.Duration) (n int64, err error) {
	err = s.db.NewRaw(`SELECT count(*) FROM audit WHERE at < now() - ? * interval '1 ms'
		AND NOT id <@ coalesce((SELECT range_agg(r) FROM audit_seals s, unnest(s.ids) r), '{}')`, age.Milliseconds()).Scan(ctx, &n)
	return n, broken(err)
}

// AuditMonths makes the months of the audit log that are wanted and removes those that are over for longer than a year
// and so many days more. It says which.
func (s *Store) AuditMonths(ctx context.Context, moreDays int) (said []string, err error) {
	err = s.db.NewRaw("SELECT audit_months(?)", moreDays).Scan(ctx, &said)
	return said, broken(err)
}

// ForgetInAudit takes somebody's name and addresses out of the audit log, and says of how many lines. The seals hold:
// they never had them. It is for the database's owner alone.
func (s *Store) ForgetInAudit(ctx context.Context, user uuid.UUID) (n int64, err error) {
	r, err := s.db.ExecContext(ctx, `UPDATE audit SET salt = NULL,
		actor = CASE WHEN user_id = ?0 THEN ?1 ELSE actor END, address = CASE WHEN user_id = ?0 THEN '' ELSE address END,
		target_name = CASE WHEN target_type = ?2 AND target_id = ?0 THEN ?1 ELSE target_name END
		WHERE (user_id = ?0 OR target_type = ?2 AND target_id = ?0) AND (salt IS NOT NULL OR actor <> ?1)`, user, fleet.Forgotten, fleet.TargetPerson)
	if err != nil {
		return 0, broken(err)
	}
	n, err = r.RowsAffected()
	return n, broken(err)
}

// SendAudit hands the lines of the oldest seal over that the sink has not had, in their order, and remembers it once send
// has taken them: a line may be sent twice, and none is left out. false when there is nothing to send, or another
// replica is at it. A sink that is new gets all that there is.
func (s *Store) SendAudit(ctx context.Context, sink string, send func([]*fleet.AuditLine) error) (more bool, err error) {
	err = s.Tx(ctx, func(tx *Store) error {
		var mine bool
		if err := tx.db.NewRaw("SELECT pg_try_advisory_xact_lock(hashtextextended(?, 0))", "novacron send audit to "+sink).Scan(ctx, &mine); err != nil || !mine {
			return broken(err)
		}
		var sent int64
		if err := tx.db.NewRaw("SELECT coalesce(max(n), 0) FROM audit_sent WHERE sink = ?", sink).Scan(ctx, &sent); err != nil {
			return broken(err)
		}
		seals, err := tx.AuditSeals(ctx, sent, 1)
		if err != nil || len(seals) == 0 {
			return err
		}
		lines, err := tx.AuditLines(ctx, seals[0])
		if err != nil {
			return err
		}
		if err := send(lines); err != nil {
			return err
		}
		more = true
		_, err = tx.db.ExecContext(ctx, "INSERT INTO audit_sent (sink, n) VALUES (?0, ?1) ON CONFLICT (sink) DO UPDATE SET n = excluded.n, at = now()", sink, seals[0].N)
		return broken(err)
	})
	return more, err
}
