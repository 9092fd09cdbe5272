package control

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/secrets"
	"github.com/novacron/novacron/internal/store"
)

// ProviderTest is what a connection test found. Of Problem and Found exactly one is set.
type ProviderTest struct {
	Problem *fault.Error
	Found   *FoundProvider
}

// FoundProvider is what answered a connection test.
type FoundProvider struct {
	Name       string
	Version    string
	Encryption string
	CPUs       int
	MemoryMiB  int64
	VMCount    int
	Warnings   []string
}

// testFor bounds a connection test: somebody is looking at a dialogue.
const testFor = 15 * time.Second

// TestProvider tries a connection without keeping it. Its error is about the request (who may, which
// field is wrong in itself); that nothing answers is a result, in ProviderTest.Problem.
func (c *Control) TestProvider(ctx context.Context, n fleet.NewProvider) (ProviderTest, error) {
	viewer, err := c.may(ctx, "testProvider")
	if err != nil {
		return ProviderTest{}, err
	}
	if err := checkProvider(&n); err != nil {
		return ProviderTest{}, err
	}
	return c.testProvider(ctx, viewer, n, uuid.Nil)
}

// TestProviderChange is TestProvider with a change of a connection that is kept already.
func (c *Control) TestProviderChange(ctx context.Context, provider uuid.UUID, change fleet.ProviderChange) (ProviderTest, error) {
	viewer, err := c.asks(ctx, "testProviderChange")
	if err != nil {
		return ProviderTest{}, err
	}
	p, err := c.store.Provider(ctx, viewer.Scope(), provider)
	if err == nil {
		err = c.mayOn(ctx, c.store, viewer, "testProviderChange", fleet.OnProvider(p))
	}
	if err != nil {
		return ProviderTest{}, err
	}
	n, err := c.merge(p, change)
	if err != nil {
		return ProviderTest{}, err
	}
	return c.testProvider(ctx, viewer, n, p.ID)
}

// testProvider tries a connection; the hosts of the one that it would replace are no duplicates.
func (c *Control) testProvider(ctx context.Context, viewer access.Viewer, n fleet.NewProvider, replaced uuid.UUID) (ProviderTest, error) {
	hosts, err := c.store.Hosts(ctx, viewer.Scope(), nil)
	if err != nil {
		return ProviderTest{}, err
	}
	hosts = slices.DeleteFunc(hosts, func(h *fleet.HypervisorHost) bool { return h.ProviderID == replaced })
	ctx, cancel := context.WithTimeout(ctx, testFor)
	defer cancel()
	found, err := c.tryProvider(ctx, n, hosts)
	if err != nil {
		return ProviderTest{Problem: fault.Of(err)}, nil
	}
	return ProviderTest{Found: found}, nil
}

func (c *Control) tryProvider(ctx context.Context, n fleet.NewProvider, hosts []*fleet.HypervisorHost) (*FoundProvider, error) {
	conn, err := c.conns.Open(ctx, drivers.Config{Kind: n.Kind, Name: n.Name, Transport: n.Transport, Host: n.Host, Port: n.Port, User: n.User,
		Accelerator: n.Accelerator, Secrets: n.Secrets})
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	info := conn.Info()
	f := &FoundProvider{Name: n.Name, Version: info.Version, Encryption: info.Encryption, Warnings: []string{}}
	survey, err := conn.Survey(ctx)
	if err != nil && !fault.Is(err, fault.Unsupported) {
		return nil, err
	}
	for i, node := range survey.Nodes {
		if i == 0 {
			f.Name = node.Name
		}
		f.CPUs += node.CPUs
		f.MemoryMiB += node.MemoryMiB
		for _, h := range hosts {
			if node.UUID != "" && h.Capabilities.UUID == node.UUID {
				f.Warnings = append(f.Warnings, fmt.Sprintf("It is added already, as %s: its VMs would be shown twice", h.Name))
			}
		}
	}
	if len(survey.Nodes) > 0 && len(survey.Pools) == 0 {
		f.Warnings = append(f.Warnings, "It has no storage pool: no disks can be made on it")
	}
	for _, err := range conn.List(ctx, drivers.ListOptions{Brief: true}) {
		if err != nil {
			return nil, err
		}
		f.VMCount++
	}
	return f, nil
}

// checkProvider is the rule for all kinds: what a user gives as a host is a host and nothing else.
func checkProvider(n *fleet.NewProvider) error {
	if n.Accelerator == "" {
		n.Accelerator = drivers.AcceleratorAuto
	}
	if err := n.Check(); err != nil {
		return err
	}
	if n.Kind != drivers.KindLibvirt && n.Host != "" {
		return fleet.CheckHost("host", n.Host)
	}
	return nil
}

// AddProvider keeps a connection. It need not answer at this moment: its status tells.
func (c *Control) AddProvider(ctx context.Context, n fleet.NewProvider) (*fleet.Provider, error) {
	viewer, err := c.may(ctx, "addProvider")
	if err != nil {
		return nil, err
	}
	if err := checkProvider(&n); err != nil {
		return nil, err
	}
	p := &fleet.Provider{ID: fleet.NewID(), TenantID: viewer.TenantID, Name: n.Name, Kind: n.Kind, Transport: n.Transport, Host: n.Host,
		Port: n.Port, User: n.User, Accelerator: n.Accelerator, Status: fleet.ProviderConnecting, LeaseUntil: time.Unix(0, 0)}
	if p.Credentials, err = c.box.SealJSON(n.Secrets, secrets.ProviderAAD(p.TenantID, p.ID)); err != nil {
		return nil, fault.Of(err)
	}
	err = c.store.Tx(ctx, func(tx *store.Store) error {
		if err := newAddress(ctx, tx, viewer.Scope(), p); err != nil {
			return err
		}
		if err := tx.InsertProvider(ctx, p); err != nil {
			return err
		}
		return c.told(ctx, tx, viewer, "addProvider", p, fleet.Added)
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// newAddress refuses a second connection to the same address: each VM would be there twice, and two operations
// could work on one. A host that is reached by another name as well shows a warning once it has answered.
func newAddress(ctx context.Context, tx *store.Store, scope fleet.Scope, p *fleet.Provider) error {
	all, err := tx.Providers(ctx, scope)
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.Name == p.Name {
			return nil // which is the first thing to be said
		}
		if o.Kind == p.Kind && o.Kind == drivers.KindLibvirt && o.Transport == p.Transport && strings.EqualFold(o.Host, p.Host) && o.Port == p.Port {
			return (&fault.Error{Kind: fault.Exists, Message: fmt.Sprintf("the connection %s has this address", o.Name)}).At("host").
				With("Change that one, or remove it first.")
		}
	}
	return nil
}

func (c *Control) told(ctx context.Context, tx *store.Store, viewer access.Viewer, verb string, p *fleet.Provider, change fleet.Change) error {
	if err := events.Record(ctx, tx, p.Event(change)); err != nil {
		return err
	}
	return c.audit(ctx, tx, viewer, deed{verb: verb, target: fleet.TargetProvider, id: p.ID, name: p.Name, detail: map[string]any{
		"kind": p.Kind, "transport": p.Transport, "host": p.Host, "port": p.Port, "user": p.User, "settingsVersion": p.SettingsVersion}})
}

// UpdateProvider changes a connection; whoever uses it next gets a new one.
func (c *Control) UpdateProvider(ctx context.Context, provider uuid.UUID, change fleet.ProviderChange) (p *fleet.Provider, err error) {
	viewer, err := c.asks(ctx, "updateProvider")
	if err != nil {
		return nil, err
	}
	err = c.store.Tx(ctx, func(tx *store.Store) error {
		if p, err = tx.Provider(ctx, viewer.Scope(), provider); err != nil {
			return err
		}
		if err := c.mayOn(ctx, tx, viewer, "updateProvider", fleet.OnProvider(p)); err != nil {
			return err
		}
		if change.IfVersion != nil {
			p.SettingsVersion = *change.IfVersion // the store compares
		}
		n, err := c.merge(p, change)
		if err != nil {
			return err
		}
		if p.Credentials, err = c.box.SealJSON(n.Secrets, secrets.ProviderAAD(p.TenantID, p.ID)); err != nil {
			return fault.Of(err)
		}
		reachable := p.Reachable()
		if err := tx.UpdateProvider(ctx, viewer.Scope(), p); err != nil {
			return err
		}
		if reachable && !p.Reachable() {
			if err := events.Record(ctx, tx, p.VMsEvent()); err != nil {
				return err
			}
		}
		return c.told(ctx, tx, viewer, "updateProvider", p, fleet.Updated)
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// merge puts the change into the settings, and checks and gives what comes out as a whole.
func (c *Control) merge(p *fleet.Provider, change fleet.ProviderChange) (n fleet.NewProvider, err error) {
	set(&p.Name, change.Name)
	set(&p.Host, change.Host)
	set(&p.Port, change.Port)
	set(&p.User, change.User)
	set(&p.Accelerator, change.Accelerator)
	n = fleet.NewProvider{Name: p.Name, Kind: p.Kind, Transport: p.Transport, Host: p.Host, Port: p.Port, User: p.User, Accelerator: p.Accelerator}
	if err := c.box.OpenJSON(p.Credentials, secrets.ProviderAAD(p.TenantID, p.ID), &n.Secrets); err != nil {
		return n, err
	}
	keep := func(to *[]byte, from []byte) {
		if len(from) > 0 {
			*to = from
		}
	}
	s, given := &n.Secrets, change.Secrets
	keep(&s.CACert, given.CACert)
	keep(&s.ClientCert, given.ClientCert)
	keep(&s.ClientKey, given.ClientKey)
	keep(&s.SSHKey, given.SSHKey)
	keep(&s.SSHHostKey, given.SSHHostKey)
	if given.Password != "" {
		s.Password = given.Password
	}
	return n, checkProvider(&n)
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// RemoveProvider forgets a connection and what we know of its VMs, which go on untouched. Conflict
// while operations are under way there. Already gone: NotFound.
func (c *Control) RemoveProvider(ctx context.Context, provider uuid.UUID) error {
	viewer, err := c.asks(ctx, "removeProvider")
	if err != nil {
		return err
	}
	err = c.store.Tx(ctx, func(tx *store.Store) error {
		p, err := tx.Provider(ctx, viewer.Scope(), provider)
		if err == nil {
			err = c.mayOn(ctx, tx, viewer, "removeProvider", fleet.OnProvider(p))
		}
		if err != nil {
			return err
		}
		vms, err := tx.VMIDs(ctx, p.ID)
		if err != nil {
			return err
		}
		if err := tx.DeleteProvider(ctx, viewer.Scope(), provider); err != nil {
			return err
		}
		gone := make([]fleet.Event, 0, len(vms))
		for _, id := range vms {
			gone = append(gone, (&fleet.VM{ID: id, TenantID: p.TenantID, ProviderID: p.ID}).Event(fleet.Removed))
		}
		if err := events.Record(ctx, tx, gone...); err != nil {
			return err
		}
		return c.told(ctx, tx, viewer, "removeProvider", p, fleet.Removed)
	})
	if err != nil {
		return err
	}
	c.conns.Drop(provider)
	return nil
}

// RefreshProvider has everything at a provider read again.
func (c *Control) RefreshProvider(ctx context.Context, provider uuid.UUID) (p *fleet.Provider, err error) {
	viewer, err := c.asks(ctx, "refreshProvider")
	if err != nil {
		return nil, err
	}
	err = c.store.Tx(ctx, func(tx *store.Store) error {
		if p, err = tx.Provider(ctx, viewer.Scope(), provider); err != nil {
			return err
		}
		if err := c.mayOn(ctx, tx, viewer, "refreshProvider", fleet.OnProvider(p)); err != nil {
			return err
		}
		if err := tx.RequestRefresh(ctx, viewer.Scope(), provider); err != nil {
			return err
		}
		if p, err = tx.Provider(ctx, viewer.Scope(), provider); err != nil {
			return err
		}
		return c.told(ctx, tx, viewer, "refreshProvider", p, fleet.Updated)
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}
