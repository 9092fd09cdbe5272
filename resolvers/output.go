package resolvers

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/graph/ids"
	"github.com/novacron/novacron/graph/model"
	"github.com/novacron/novacron/internal/control"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/loaders"
)

// What several fields share.

func (r *Resolver) power(ctx context.Context, id string, to drivers.PowerAction) (*fleet.Operation, error) {
	vm, err := ids.Parse(ids.VM, "id", id)
	if err != nil {
		return nil, err
	}
	return r.Control.Power(ctx, vm, to)
}

func (r *Resolver) change(in model.UpdateVMInput) (uuid.UUID, fleet.VMChange, error) {
	id, err := ids.Parse(ids.VM, "id", in.ID)
	if err != nil {
		return id, fleet.VMChange{}, err
	}
	c, err := vmChange(in)
	return id, c, err
}

func operations(ctx context.Context, first int, after *string, filter *fleet.OperationFilter) (*model.OperationConnection, error) {
	q := fleet.OperationQuery{Filter: or(filter), First: first, After: or(after)}
	page, err := loaders.For(ctx).Operations(ctx, q)
	if err != nil {
		return nil, err
	}
	return &model.OperationConnection{OperationPage: page, Filter: q.Filter}, nil
}

// providerOrAll reads an optional provider's id.
func providerOrAll(id *string) (*uuid.UUID, error) {
	if id == nil {
		return nil, nil
	}
	u, err := ids.Parse(ids.Provider, "provider", *id)
	return &u, err
}

// targetNoun is what kind of id the target of an operation has.
var targetNoun = map[string]ids.Noun{fleet.TargetVM: ids.VM, fleet.TargetImage: ids.Image, fleet.TargetProvider: ids.Provider}

// node loads anything that implements Node; nil for what is not there or may not be known of.
func node(ctx context.Context, noun ids.Noun, id uuid.UUID) (model.Node, error) {
	l := loaders.For(ctx)
	switch noun {
	case ids.VM:
		return some(l.VM.Load(ctx, id))
	case ids.Provider:
		return some(l.Provider.Load(ctx, id))
	case ids.Host:
		return some(l.Host.Load(ctx, id))
	case ids.Image:
		return some(l.Image.Load(ctx, id))
	case ids.Operation:
		return some(l.Operation.Load(ctx, id))
	default: // tokens, people and organisations are no Nodes
		return nil, nil
	}
}

// auditCursor reads a place in the audit log; 0 for its newest end.
func auditCursor(after *string) (int64, error) {
	if after == nil {
		return 0, nil
	}
	before, err := strconv.ParseInt(*after, 10, 64)
	if err != nil || before < 1 {
		return 0, fault.Field("after", "Give a cursor as the API gave it to you.", "this is no place in the audit log")
	}
	return before, nil
}

// resource is what a policy would decide about; nil for the organisation itself.
func resource(ctx context.Context, on *string) (*fleet.Resource, error) {
	if on == nil {
		return nil, nil
	}
	noun, id, ok := ids.Split(*on)
	if !ok {
		_, err := ids.Parse(ids.VM, "on", *on)
		return nil, err
	}
	thing, err := node(ctx, noun, id)
	if err != nil {
		return nil, err
	}
	r, ok := fleet.On(thing)
	if !ok {
		return nil, fault.Missing("thing", *on).At("on")
	}
	return &r, nil
}

// some keeps a nil pointer from becoming a Node that is not nil.
func some[T any](v *T, err error) (model.Node, error) {
	if v, err = loaders.OrNil(v, err); v == nil {
		return nil, err
	}
	return v, nil
}

// concerns reports whether a change is one that a subscriber with that filter asked for. Only what
// never changes of a VM narrows it: one that just stopped matching by its status is news too.
func concerns(f fleet.VMFilter, e fleet.Event) bool {
	return (f.IDs == nil || slices.Contains(f.IDs, e.SubjectID)) &&
		(f.Provider == nil || e.ProviderID != nil && slices.Contains(f.Provider, *e.ProviderID))
}

// allChanged reports that all VMs of a provider are told otherwise now, and that they may be among those asked for.
func allChanged(f fleet.VMFilter, e fleet.Event) bool {
	return e.Kind == fleet.AllChanged && (f.Provider == nil || slices.Contains(f.Provider, *e.ProviderID))
}

// features are the yes/no facts of a connection by their names in JSON.
func features(f drivers.Features) []*model.Feature {
	var all []*model.Feature
	v := reflect.ValueOf(f)
	for i := range v.NumField() {
		if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); v.Field(i).Kind() == reflect.Bool {
			all = append(all, &model.Feature{Name: name, Supported: v.Field(i).Bool()})
		}
	}
	return all
}

func versions(v map[string]string) []*fleet.Tag {
	all := make([]*fleet.Tag, 0, len(v))
	for name, version := range v {
		all = append(all, &fleet.Tag{Key: name, Value: version})
	}
	slices.SortFunc(all, func(a, b *fleet.Tag) int { return cmp.Compare(a.Key, b.Key) })
	return all
}

// credentialField is how the API calls what drivers call by drivers.Secrets' names.
var credentialField = map[string]string{
	"caCert": "credentials.caCertificate", "clientCert": "credentials.clientCertificate", "clientKey": "credentials.clientKey",
	"sshKey": "credentials.sshKey", "sshHostKey": "credentials.sshHostKey",
}

// connectionProblem is why a connection cannot be used, its field named as in AddProviderInput.
func connectionProblem(e *fault.Error) *fault.Error {
	if e == nil {
		return nil
	}
	if field, ok := credentialField[strings.TrimPrefix(e.Field, "secrets.")]; ok {
		return e.At(field)
	}
	return e
}

func tested(t control.ProviderTest) *model.TestProviderPayload {
	return &model.TestProviderPayload{Ok: t.Found != nil, Problem: connectionProblem(t.Problem), Found: found(t.Found)}
}

func found(f *control.FoundProvider) *model.FoundProvider {
	if f == nil {
		return nil
	}
	return &model.FoundProvider{
		Name: f.Name, Version: f.Version, Encryption: f.Encryption, Cpus: f.CPUs, MemoryMiB: f.MemoryMiB,
		VMCount: f.VMCount, Warnings: append([]string{}, f.Warnings...),
	}
}

// beat sends the time every so many seconds.
func beat(ctx context.Context, seconds int) (<-chan *time.Time, error) {
	if seconds < 1 || seconds > 60 {
		return nil, fault.Field("seconds", "Use 1 to 60.", "%d is out of range", seconds)
	}
	out := make(chan *time.Time)
	go func() {
		defer close(out)
		tick := time.NewTicker(time.Duration(seconds) * time.Second)
		defer tick.Stop()
		for now := time.Now(); ; {
			select {
			case out <- &now:
			case <-ctx.Done():
				return
			}
			select {
			case now = <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}
