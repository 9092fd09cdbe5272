package inventory

import (
	"context"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// settle is how long after a hint about the host itself, or after connecting, the cheap comparison
// waits: hints come in flocks, and Watch may have begun a moment after the full list.
const settle = 300 * time.Millisecond

func (r *reader) writer() *writer {
	lease := r.lease()
	return &writer{store: r.store, provider: r.id, tenant: r.tenant, place: *r.place.Load(), lease: &lease}
}

// watch follows the provider's hints. A provider that has none is compared more often instead.
func (r *reader) watch(ctx context.Context, conn *drivers.Conn, look chan struct{}) {
	retry := firstRetry
	for ctx.Err() == nil {
		began := time.Now()
		err := conn.Watch(ctx, func(h drivers.Hint) {
			if h.Ref == "" {
				nudge(look)
			} else {
				r.hints.add(h.Ref)
			}
		})
		if fault.Is(err, fault.Unsupported) {
			for sleep(ctx, jitter(r.o.PingEvery)) {
				nudge(look)
			}
			return
		}
		if err != nil && ctx.Err() == nil {
			r.logger.Info("the provider's hints have ended; watching again", "error", err)
		}
		if time.Since(began) > lastRetry {
			retry = firstRetry
		}
		sleep(ctx, jitter(retry))
		retry = min(2*retry, lastRetry)
		nudge(look) // what changed meanwhile
	}
}

// chores surveys, compares and lists, one after the other: a slow provider is not asked for two such things at once.
func (r *reader) chores(ctx context.Context, conn *drivers.Conn, look, list chan struct{}) error {
	survey, full := time.NewTimer(0), time.NewTimer(jitter(r.o.ListEvery))
	defer survey.Stop()
	defer full.Stop()
	retry := firstRetry
	for first := true; ctx.Err() == nil; first = false {
		listed := false
		if !first {
			select {
			case <-ctx.Done():
				return nil
			case <-survey.C:
			case <-look:
				sleep(ctx, settle)
				drain(look)
			case <-full.C:
				listed = true
			case <-list:
				listed = true
			}
		} else {
			<-list
			listed = true
		}
		err := r.survey(ctx, conn)
		if err != nil && ctx.Err() == nil && !lost(err) {
			r.logger.Warn("surveying the provider's hosts", "error", err) // its VMs can be read all the same
		}
		if err == nil || !lost(err) {
			if listed {
				err = r.list(ctx, conn)
			} else {
				err = r.compare(ctx, conn)
			}
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && lost(err):
			return err
		case err != nil:
			r.logger.Warn("reading the provider's inventory", "error", err)
			if listed {
				full.Reset(jitter(retry))
				retry = min(2*retry, lastRetry)
			}
		case listed:
			retry = firstRetry
			full.Reset(jitter(r.o.ListEvery))
			if first {
				nudge(look)
			}
		}
		survey.Reset(jitter(r.o.SurveyEvery))
	}
	return nil
}

func drain(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}

// lost reports that somebody else reads this provider now, or that it is gone: the session is over.
// What the provider itself answers to a list ends nothing; the pings decide whether it is there.
func lost(err error) bool {
	return fault.Is(err, fault.Conflict) && fault.Of(err).Provider == "" || fault.Is(err, fault.NotFound) && fault.Of(err).Provider == ""
}

// readHints reads one VM of a lane after the other, each for at most that long (0: as the connection allows).
func (r *reader) readHints(ctx context.Context, conn *drivers.Conn, l *lane, limit time.Duration, readings chan<- reading) {
	for {
		ref, ok := r.hints.next(ctx, l)
		if !ok {
			return
		}
		one, err := r.read(ctx, conn, ref, limit)
		r.hints.done(ref, err)
		if err != nil {
			if ctx.Err() == nil {
				r.logger.Info("reading a VM", "ref", ref, "error", err)
			}
			continue
		}
		select {
		case readings <- one:
		case <-ctx.Done():
			return
		}
	}
}

func (r *reader) read(ctx context.Context, conn *drivers.Conn, ref drivers.Ref, limit time.Duration) (reading, error) {
	at, err := r.store.Now(ctx)
	if err != nil {
		return reading{}, err
	}
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	vm, err := conn.Get(ctx, ref)
	if fault.Is(err, fault.NotFound) {
		return reading{ref: ref, gone: true, at: at}, nil
	}
	return reading{ref: ref, vm: vm, at: at}, err
}

// write writes what the workers read, as many in one transaction as are waiting: a single change at
// once, a storm in large strides.
func (r *reader) write(ctx context.Context, readings <-chan reading) error {
	for {
		var batch []reading
		select {
		case <-ctx.Done():
			return nil
		case one := <-readings:
			batch = append(batch, one)
		}
		for more := true; more && len(batch) < chunk; {
			select {
			case one := <-readings:
				batch = append(batch, one)
			default:
				more = false
			}
		}
		_, err := r.writer().applyEach(ctx, batch, addNew)
		switch {
		case err == nil || ctx.Err() != nil:
		case lost(err):
			return err
		default:
			r.logger.Warn("writing what was read of VMs", "vms", len(batch), "error", err)
			// With the database away there is nothing better to do than to read them again.
			sleep(ctx, time.Second)
			for _, one := range batch {
				r.hints.add(one.ref)
			}
		}
	}
}
