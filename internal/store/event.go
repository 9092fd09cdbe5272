package store

import (
	"context"
	"math"
	"time"

	"github.com/uptrace/bun"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// AppendEvents adds to the log, in the transaction of what happened: never one without the other.
// The rooms call events.Record.
func (s *Store) AppendEvents(ctx context.Context, all ...fleet.Event) error {
	if s.tx == nil {
		return fault.New(fault.Internal, "an event was recorded outside the transaction of its deed")
	}
	if len(all) == 0 {
		return nil
	}
	_, err := s.db.NewInsert().Model(&all).Returning("NULL").Exec(ctx)
	s.tx.events = true
	return broken(err)
}

// EventsAfter reads up to n events after the cursor, in the log's order, up to the oldest transaction
// that still runs: nothing can come before them any more. held is true when there are later ones
// that wait for it; they are worth asking for again soon. Without topics it reads all of them.
func (s *Store) EventsAfter(ctx context.Context, scope fleet.Scope, after fleet.Cursor, n int, topics ...fleet.Topic) (all []fleet.Event, held bool, err error) {
	var rows []struct {
		fleet.Event `bun:",extend"`
		Done        bool `bun:"done,scanonly"`
	}
	// One statement, so that the rows and the oldest transaction are of one snapshot.
	q := within(s.db.NewSelect().Model(&rows), scope).
		ColumnExpr("?TableColumns, e.txid, e.seq, e.txid < pg_snapshot_xmin(pg_current_snapshot()) AS done").
		Where("(e.txid, e.seq) > (?::text::xid8, ?)", after.TxID, after.Seq).OrderExpr("e.txid, e.seq").Limit(int64(n))
	if len(topics) > 0 {
		q.Where("e.topic IN (?)", bun.List(topics))
	}
	if err := q.Scan(ctx); err != nil {
		return nil, false, broken(err)
	}
	for _, r := range rows {
		if !r.Done {
			return all, true, nil
		}
		all = append(all, r.Event)
	}
	return all, false, nil
}

// LogEnds are the two ends of the event log: up to and including Floor it has been purged, and
// whatever comes will come after Head. A cursor beyond Beyond is of another database.
type LogEnds struct {
	Floor, Head fleet.Cursor
	Beyond      uint64
}

// EventLog tells the ends of the log.
func (s *Store) EventLog(ctx context.Context) (LogEnds, error) {
	var row struct {
		Txid, Xmin, Xmax uint64
		Seq              int64
	}
	err := s.db.NewRaw(`SELECT txid, seq, pg_snapshot_xmin(pg_current_snapshot()) AS xmin, pg_snapshot_xmax(pg_current_snapshot()) AS xmax
		FROM event_floor`).Scan(ctx, &row)
	return LogEnds{
		Floor: fleet.Cursor{TxID: row.Txid, Seq: row.Seq}, Head: fleet.Cursor{TxID: row.Xmin - 1, Seq: math.MaxInt64}, Beyond: row.Xmax,
	}, broken(err)
}

// PurgeEvents removes events older than age, and says how many. One replica does it at a time; for
// the others it is done already.
func (s *Store) PurgeEvents(ctx context.Context, age time.Duration) (n int64, err error) {
	err = s.Tx(ctx, func(tx *Store) error {
		var mine bool
		if err := tx.db.NewRaw("SELECT pg_try_advisory_xact_lock(hashtext('novacron purge events'))").Scan(ctx, &mine); err != nil || !mine {
			return broken(err)
		}
		// Events of transactions that this server has not had yet came with a copy of another's database.
		_, err := tx.db.ExecContext(ctx, `DELETE FROM events WHERE txid >= pg_snapshot_xmax(pg_current_snapshot())`)
		if err != nil {
			return broken(err)
		}
		_, err = tx.db.ExecContext(ctx, `UPDATE event_floor SET txid = '0', seq = 0 WHERE txid >= pg_snapshot_xmax(pg_current_snapshot())`)
		if err != nil {
			return broken(err)
		}
		_, err = tx.db.ExecContext(ctx, `UPDATE event_floor f SET txid = e.txid, seq = e.seq FROM (
			SELECT txid, seq FROM events WHERE at < clock_timestamp() - ? * interval '1 ms' AND txid < pg_snapshot_xmin(pg_current_snapshot())
			ORDER BY txid DESC, seq DESC LIMIT 1) e`, age.Milliseconds())
		if err != nil {
			return broken(err)
		}
		r, err := tx.db.ExecContext(ctx, `DELETE FROM events WHERE (txid, seq) <= (SELECT txid, seq FROM event_floor)`)
		if err != nil {
			return broken(err)
		}
		n, err = r.RowsAffected()
		return broken(err)
	})
	return n, err
}
