package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/drivers/fake"
	"github.com/novacron/novacron/drivers/libvirt"
	"github.com/novacron/novacron/graph"
	"github.com/novacron/novacron/graph/model"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/audit"
	"github.com/novacron/novacron/internal/control"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/inventory"
	"github.com/novacron/novacron/internal/operations"
	"github.com/novacron/novacron/internal/outside"
	"github.com/novacron/novacron/internal/secrets"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/loaders"
	"github.com/novacron/novacron/resolvers"
)

// house is everything that runs in one server.
type house struct {
	log          *slog.Logger
	measures     *measures
	certificates *certificates // nil: plain HTTP
	store        *store.Store
	redis        *redis.Client // nil without one
	box          *secrets.Box
	conns        *drivers.Conns
	cache        *loaders.Cache
	door         *access.Door
	control      *control.Control
	source       *loaders.Source
	resolvers    *resolvers.Resolver
	manifest     graph.Manifest // of the only documents that are taken; nil: any

	outside, outsideImages outside.Rules

	keepOperations time.Duration // after their end; 0: for ever
	keepAudit      audit.Options

	background []func(context.Context)
	stopping   atomic.Bool
}

// build wires the rooms together, from the database up.
func build(ctx context.Context, log *slog.Logger) (_ *house, err error) {
	h := &house{log: log, measures: newMeasures()}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	url := env("NOVACRON_DATABASE_URL")
	if url == "" {
		return nil, wrong("NOVACRON_DATABASE_URL", "Set it to postgres://user:password@host:5432/novacron.")
	}
	if h.store, err = store.Open(ctx, url); err != nil {
		return nil, err
	}
	migrate, err := choice("NOVACRON_MIGRATE", "auto", "off")
	if err != nil {
		return nil, err
	}
	if migrate == "auto" {
		if err := h.store.Migrate(ctx); err != nil {
			return nil, err
		}
	}
	key, err := secretsKeyFile()
	if err != nil {
		return nil, err
	}
	if h.box, err = secrets.OpenBox(key); err != nil {
		return nil, wrongBecause("NOVACRON_SECRETS_KEY_FILE", "Name a file that can be read, or made.", err)
	}
	if h.redis, err = connectRedis(ctx, log); err != nil {
		return nil, err
	}
	days, err := number("NOVACRON_KEEP_OPERATIONS")
	if err != nil {
		return nil, err
	}
	h.keepOperations = time.Duration(min(days, 36_500) * 24 * float64(time.Hour))
	if days, err = number("NOVACRON_KEEP_AUDIT"); err != nil {
		return nil, err
	}
	if h.keepAudit, err = auditOptions(int(min(days, 36_500)), log); err != nil {
		return nil, err
	}
	openers, err := openers()
	if err != nil {
		return nil, err
	}
	h.conns = drivers.NewConns(openers, h.configure)
	if h.outside, h.outsideImages, err = inner(); err != nil {
		return nil, err
	}
	if h.manifest, err = manifest(); err != nil {
		return nil, err
	}
	if h.certificates, err = ownCertificates(); err != nil {
		return nil, err
	}
	if h.door, err = newDoor(h); err != nil {
		return nil, err
	}
	if err := h.adoptIssuer(ctx); err != nil {
		return nil, err
	}
	h.furnish()
	return h, nil
}

// furnish makes the rooms that work, and lists what runs in the background.
func (h *house) furnish() {
	var bus events.Bus = events.NewLocal()
	if h.redis != nil {
		bus = events.NewRedis(h.redis)
	}
	journal := events.New(h.store, bus, events.Options{Logger: h.log})
	seen := inventory.New(h.store, journal, h.conns, inventory.Options{Logger: h.log})
	engine := operations.New(h.store, h.conns, bus, h.log, operations.Options{
		Box:    h.box,
		Images: operations.Fetcher{Outside: h.outsideImages},
		Refresh: func(ctx context.Context, provider uuid.UUID, ref drivers.Ref) error {
			_, err := seen.Refresh(ctx, provider, ref)
			return err
		},
	})
	h.control = control.New(h.store, h.conns, engine, h.box, h.log, control.Options{TinyImage: env("NOVACRON_TINY_IMAGE"), PoliciesChanged: h.door.PoliciesChanged})
	h.cache = loaders.NewCache(h.redis)
	h.source = loaders.NewSource(h.store, h.conns, h.cache, journal)
	h.resolvers = &resolvers.Resolver{Control: h.control, Source: h.source, Facts: model.About{
		Version: ourVersion(), StartedAt: time.Now(), MaxPageSize: loaders.MaxPage,
	}}
	h.background = append(h.background,
		journal.Run,
		seen.Run,
		func(ctx context.Context) { _ = engine.Run(ctx) },
		h.sweep,
		audit.NewKeeper(h.store, h.keepAudit).Run,
		h.adoptLocal,
		func(ctx context.Context) { h.box.Watch(ctx, h.log) },
	)
	if h.certificates != nil {
		h.background = append(h.background, func(ctx context.Context) { h.certificates.watch(ctx, h.log) })
	}
}

// openers are the drivers that this binary has.
func openers() (map[drivers.Kind]drivers.Opener, error) {
	vms, err := number("NOVACRON_FAKE_VMS")
	if err != nil {
		return nil, err
	}
	pace, err := number("NOVACRON_FAKE_PACE")
	if err != nil {
		return nil, err
	}
	world := fake.NewWorld(fake.Options{VMs: int(vms), Seed: 1, Pace: pace})
	return map[drivers.Kind]drivers.Opener{drivers.KindLibvirt: libvirt.Open, drivers.KindFake: world.Open}, nil
}

// configure reads a provider's settings for its driver, credentials unsealed.
func (h *house) configure(ctx context.Context, id uuid.UUID) (drivers.Config, error) {
	p, err := h.store.Provider(ctx, fleet.System(), id)
	if err != nil {
		return drivers.Config{}, err
	}
	c := drivers.Config{Kind: p.Kind, Transport: p.Transport, Host: p.Host, Port: p.Port, User: p.User, Accelerator: p.Accelerator}
	return c, h.box.OpenJSON(p.Credentials, secrets.ProviderAAD(p.TenantID, p.ID), &c.Secrets)
}

func (h *house) close() {
	if h.conns != nil {
		h.conns.Close()
	}
	if h.cache != nil {
		h.cache.Close()
	}
	if h.redis != nil {
		_ = h.redis.Close()
	}
	if h.store != nil {
		_ = h.store.Close()
	}
}
