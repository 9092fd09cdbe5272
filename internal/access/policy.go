package access

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

//go:embed policies/house.cedar
var housePolicies string

// HousePolicies is what NovaCron permits by itself, in Cedar.
func HousePolicies() string { return housePolicies }

// The types of Cedar's entities.
const (
	userType         = "User"
	roleType         = "Role"
	actionType       = "Action"
	organisationType = "Organisation"
)

// Policies decide for one organisation. They are safe for concurrent use.
type Policies struct {
	set *cedar.PolicySet
	own bool // the organisation has some of its own
}

// house are the policies of an organisation that has none of its own.
var housesOwn = sync.OnceValue(func() *Policies {
	p, err := NewPolicies(nil)
	if err != nil {
		panic("NovaCron's own policies: " + err.Error())
	}
	return p
})

// NewPolicies puts an organisation's policies on top of the house's. Invalid, with the place, for a text that
// is no Cedar or speaks of actions that there are not.
func NewPolicies(own []*fleet.Policy) (*Policies, error) {
	p := &Policies{set: cedar.NewPolicySet()}
	if err := p.add("", housePolicies); err != nil {
		return nil, err
	}
	for _, o := range own {
		if !o.Enabled {
			continue
		}
		p.own = true
		if err := p.add(o.Name, o.Text); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// add adds the policies of a text. Their ids are its name and their own @id or number: an answer names them.
func (p *Policies) add(name, text string) error {
	list, err := cedar.NewPolicyListFromBytes(name, []byte(text))
	if err != nil {
		return fault.Field("text", "See the Cedar reference, or begin with one of the examples.", "this is no Cedar policy: %v", err)
	}
	if len(list) == 0 {
		return fault.Field("text", "Write at least one: forbid (principal, action == Action::\"deleteVM\", resource);", "there is no policy in it")
	}
	for n, one := range list {
		if err := knownActions(one); err != nil {
			return err
		}
		id := string(one.Annotations()["id"])
		if id == "" && len(list) > 1 {
			id = fmt.Sprint(n + 1)
		}
		if name != "" {
			id = strings.TrimSuffix(name+"/"+id, "/")
		}
		p.set.Add(cedar.PolicyID(id), one)
	}
	return nil
}

// knownActions refuses a policy about actions that there are not: misspelt, it would protect nothing.
func knownActions(p *cedar.Policy) error {
	text, err := p.MarshalJSON()
	if err != nil {
		return fault.Field("text", "Simplify it.", "the policy cannot be read back").Because(err)
	}
	var all any
	if err := json.Unmarshal(text, &all); err != nil {
		return fault.Field("text", "Simplify it.", "the policy cannot be read back").Because(err)
	}
	var unknown string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			if v["type"] == actionType {
				id, _ := v["id"].(string)
				if fleet.Permission(id).Least() == "" && id != string(fleet.RolePlatform) && !slices.Contains(fleet.Roles, fleet.Role(id)) {
					unknown = id
				}
			}
			for _, one := range v {
				walk(one)
			}
		}
	}
	walk(all)
	if unknown != "" {
		return fault.Field("text", "Actions are the names of the API's fields, such as startVM, or a role for all that it may.", "there is no action %.60q", unknown)
	}
	return nil
}

// OnAll is the organisation itself, for what is done to nothing in it.
func (v Viewer) OnAll() fleet.Resource {
	return fleet.Resource{Type: organisationType, ID: v.TenantID, Tenant: v.TenantID}
}

// Decision is what the policies say.
type Decision struct {
	Allowed  bool
	Policies []string // those that decided: that forbid, or else that permit; none when nothing permits
	Broken   string   // why one that was to forbid could not be evaluated: then it forbids
}

// May is what the viewer may do to a thing of their organisation.
func (v Viewer) May(on fleet.Resource) fleet.May {
	return func(p fleet.Permission) fleet.Action {
		by := v.byRole(p, v.RoleOn(on))
		if v.policies == nil || !v.policies.own {
			return by // what the house's policies say, without asking them
		}
		d := v.policies.Decide(v, p, on)
		switch {
		case d.Allowed:
			return fleet.Action{Name: string(p), Allowed: true}
		case len(d.Policies) == 0:
			return by
		case v.Role.Includes(fleet.RoleAdmin) && d.Broken != "":
			return fleet.Action{Name: string(p), Reason: "The policy " + strings.Join(d.Policies, ", ") + " cannot be evaluated here: " + d.Broken,
				Remedy: "Have it ask first whether there is such a thing: resource has name, resource.hasTag(\"env\")."}
		case v.Role.Includes(fleet.RoleAdmin): // who may know
			return fleet.Action{Name: string(p), Reason: "The policy " + strings.Join(d.Policies, ", ") + " forbids it", Remedy: "An administrator can change the policy."}
		}
		return fleet.Action{Name: string(p), Reason: "A policy of your organisation forbids it", Remedy: "Ask an administrator."}
	}
}

// byRole is what a role of the viewer's says, and whether they look after the installation.
func (v Viewer) byRole(p fleet.Permission, role fleet.Role) fleet.Action {
	if v.PlatformAdmin && p.Least() == fleet.RolePlatform {
		return fleet.Action{Name: string(p), Allowed: true}
	}
	return p.Of(role)
}

// DecidedBy are the organisation's own policies that decide about a permission on a thing, for those who may know.
func (v Viewer) DecidedBy(p fleet.Permission, on fleet.Resource) []string {
	if v.policies == nil || !v.policies.own {
		return nil
	}
	return v.policies.Decide(v, p, on).Policies
}

// MayHave reports whether the viewer could have a permission on something.
func (v Viewer) MayHave(p fleet.Permission) bool {
	return v.byRole(p, v.Role).Allowed || slices.ContainsFunc(v.narrowed, func(g *fleet.Grant) bool { return p.Of(v.atMost(g.Role)).Allowed }) ||
		v.policies != nil && v.policies.own && p.Least() != ""
}

// Decide asks the policies whether somebody has a permission on a thing of their organisation.
func (p *Policies) Decide(v Viewer, need fleet.Permission, on fleet.Resource) Decision {
	w := newWorld(v, on)
	ok, why := cedar.Authorize(p.set, w, cedar.Request{
		Principal: w.principal.UID, Action: cedar.NewEntityUID(actionType, cedar.String(need)), Resource: w.resource.UID, Context: cedar.Record{},
	})
	d := Decision{Allowed: bool(ok)}
	for _, r := range why.Reasons {
		d.Policies = append(d.Policies, string(r.PolicyID))
	}
	// A policy that cannot be evaluated says nothing in Cedar; one that was to forbid shall not fail open.
	for _, e := range why.Errors {
		if one := p.set.Get(e.PolicyID); one != nil && one.Effect() == cedar.Forbid {
			d.Allowed, d.Broken = false, e.Message
			d.Policies = append(d.Policies, string(e.PolicyID))
		}
	}
	slices.Sort(d.Policies)
	return d
}

// world is what a decision is about: who asks, and on what. Roles and actions are the same for everybody.
type world struct{ principal, resource types.Entity }

func newWorld(v Viewer, on fleet.Resource) *world {
	organisation := cedar.NewEntityUID(organisationType, cedar.String(v.TenantID.String()))
	role := cedar.NewEntityUID(roleType, cedar.String(v.RoleOn(on)))
	w := &world{types.Entity{UID: cedar.NewEntityUID(userType, cedar.String(v.UserID.String())), Parents: cedar.NewEntityUIDSet(role),
		Attributes: cedar.NewRecord(cedar.RecordMap{
			"name": cedar.String(v.Name), "organisation": organisation, "platformAdmin": cedar.Boolean(v.PlatformAdmin),
		})}, types.Entity{UID: cedar.NewEntityUID(cedar.EntityType(on.Type), cedar.String(on.ID.String())), Attributes: record(on.Attributes), Tags: record(on.Tags)}}
	var parents []cedar.EntityUID
	if owner := cedar.NewEntityUID(organisationType, cedar.String(on.Tenant.String())); w.resource.UID != owner {
		parents = append(parents, owner)
	}
	if on.Provider != uuid.Nil {
		parents = append(parents, cedar.NewEntityUID("Provider", cedar.String(on.Provider.String())))
	}
	w.resource.Parents = cedar.NewEntityUIDSet(parents...)
	return w
}

// Get is cedar's types.EntityGetter.
func (w *world) Get(uid cedar.EntityUID) (types.Entity, bool) {
	switch uid {
	case w.principal.UID:
		return w.principal, true
	case w.resource.UID:
		return w.resource, true
	}
	e, ok := commonWorld()[uid]
	return e, ok
}

func record(of map[string]string) cedar.Record {
	m := cedar.RecordMap{}
	for k, v := range of {
		m[cedar.String(k)] = cedar.String(v)
	}
	return cedar.NewRecord(m)
}

// commonWorld has the roles, each in the lesser one, and the actions, each in the least role that has it.
var commonWorld = sync.OnceValue(func() types.EntityMap {
	all := types.EntityMap{}
	for i, r := range fleet.Roles {
		var lesser []cedar.EntityUID
		for _, l := range fleet.Roles[:i] {
			lesser = append(lesser, cedar.NewEntityUID(roleType, cedar.String(l)))
		}
		uid := cedar.NewEntityUID(roleType, cedar.String(r))
		all[uid] = types.Entity{UID: uid, Parents: cedar.NewEntityUIDSet(lesser...)}
	}
	for _, p := range fleet.Permissions() {
		uid := cedar.NewEntityUID(actionType, cedar.String(p))
		all[uid] = types.Entity{UID: uid, Parents: cedar.NewEntityUIDSet(cedar.NewEntityUID(actionType, cedar.String(p.Least())))}
	}
	return all
})

// policiesFresh is how soon another replica feels a change of policies.
const policiesFresh = 5 * time.Second

// policyBook keeps each organisation's policies compiled.
type policyBook struct {
	store *store.Store
	mu    sync.Mutex
	pages map[uuid.UUID]policyPage
}

type policyPage struct {
	policies *Policies
	versions string
	read     time.Time
}

// of gives an organisation's. What does not compile any more, after an upgrade, refuses everything but looking.
func (b *policyBook) of(ctx context.Context, tenant uuid.UUID) (*Policies, error) {
	b.mu.Lock()
	page, ok := b.pages[tenant]
	b.mu.Unlock()
	if ok && time.Since(page.read) < policiesFresh {
		return page.policies, nil
	}
	rows, err := b.store.Policies(ctx, fleet.Within(tenant))
	if err != nil {
		return nil, err
	}
	var versions strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&versions, "%s %d %t,", r.ID, r.Version, r.Enabled)
	}
	now := policyPage{versions: versions.String(), read: time.Now()}
	switch {
	case len(rows) == 0:
		now.policies = housesOwn()
	case ok && page.versions == now.versions:
		now.policies = page.policies
	default:
		if now.policies, err = NewPolicies(rows); err != nil {
			return nil, fault.New(fault.Internal, "the organisation's policies cannot be read").With("An administrator of the platform finds the cause in the log.").Because(err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.pages) > 10_000 {
		clear(b.pages)
	}
	b.pages[tenant] = now
	return now.policies, nil
}

// forget has an organisation's policies read anew.
func (b *policyBook) forget(tenant uuid.UUID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.pages, tenant)
}

// PoliciesChanged is for whoever changes an organisation's policies: here they count at once.
func (d *Door) PoliciesChanged(tenant uuid.UUID) { d.policies.forget(tenant) }
