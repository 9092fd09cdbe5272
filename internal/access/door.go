package access

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/outside"
	"github.com/novacron/novacron/internal/store"
)

// Door is where requests come in: it finds out who asks, and lets nobody else through.
type Door struct {
	store    *store.Store
	log      *slog.Logger
	options  Options
	throttle *throttle
	rates    *rates
	hashing  chan struct{} // passwords being hashed: each takes 64 MiB
	origins  *http.CrossOriginProtection
	issuers  *issuers
	policies *policyBook
}

// Options shape a Door.
type Options struct {
	// PublicURL is the origin under which browsers see us, when a proxy in front hides it; may be empty.
	PublicURL string
	// Proxies may say, in X-Forwarded-For, whom they speak for.
	Proxies []netip.Prefix
	Log     *slog.Logger
	// ClientSecret opens what an issuer knows us by; nil: there are none.
	ClientSecret func(*fleet.Issuer) (string, error)
	// Outside says where the addresses of issuers that people set up may lead.
	Outside outside.Rules
	// Rates bound how much is asked. Replicas count together in Redis; nil: this one counts for itself.
	Rates Rates
	Redis *redis.Client
	// Limited is told of each request that is refused for one of the Rates, by the limit's name; may be nil.
	Limited func(limit string)
}

const (
	hashAtOnce    = 2
	recheckEvery  = 4 * time.Second // how soon a closed account ends what it has open
	recheckWithin = 10 * time.Second
)

// NewDoor makes one. Invalid when PublicURL is no origin.
func NewDoor(s *store.Store, o Options) (*Door, error) {
	d := &Door{store: s, log: o.Log, options: o, throttle: newThrottle(), rates: &rates{Rates: o.Rates, redis: o.Redis, within: redisWithin, log: o.Log, told: o.Limited}, hashing: make(chan struct{}, hashAtOnce), origins: http.NewCrossOriginProtection(),
		issuers: &issuers{store: s, secret: o.ClientSecret, given: client(o.Outside.Transport()), set: client(http.DefaultTransport)}, policies: &policyBook{store: s, pages: map[uuid.UUID]policyPage{}}}
	// Whoever posts there is an issuer's server, and what it posts is signed.
	d.origins.AddInsecureBypassPattern("POST " + backChannelLogout)
	if o.PublicURL != "" {
		if err := d.origins.AddTrustedOrigin(o.PublicURL); err != nil {
			return nil, fault.New(fault.Invalid, "NOVACRON_PUBLIC_URL is no origin: %v", err).With("Give scheme, host and port alone: https://vms.example.org.")
		}
	}
	return d, nil
}

var errWrong = fault.New(fault.Unauthorized, "the name or the password is wrong").With("Check both; capitals count.")

// SignIn opens a session for somebody with a password: the secret is the cookie's value. Unauthorized says no
// more than that it was refused; Exhausted that there were too many tries.
func (d *Door) SignIn(ctx context.Context, name, password string, from Origin) (secret string, expires time.Time, err error) {
	if wait := d.throttle.wait(name, from.Address); wait > 0 {
		return "", expires, &fault.Error{Kind: fault.Exhausted, RetryAfter: wait, Message: "too many failed sign-ins", Remedy: "Wait a quarter of an hour."}
	}
	select {
	case d.hashing <- struct{}{}:
		defer func() { <-d.hashing }()
	case <-ctx.Done():
		return "", expires, fault.Of(ctx.Err())
	}
	ctx = House(ctx)
	user, err := d.store.UserByName(ctx, fleet.System(), name)
	hash := ""
	switch fault.KindOf(err) {
	case "":
		hash = user.PasswordHash
	case fault.NotFound, fault.Invalid:
	default:
		return "", expires, err
	}
	if hash == "" {
		hash = nobodysHash()
	}
	// Hashed even for a name that nobody has, so that the time does not tell which names exist.
	if !PasswordMatches(hash, password) || user == nil {
		d.throttle.failed(name, from.Address)
		d.log.Warn("sign-in refused", "name", name, "peer", from.Address)
		if user != nil {
			d.refused(ctx, user, from, "the password was wrong")
		}
		return "", expires, errWrong
	}
	return d.open(ctx, user, &fleet.Session{}, from)
}

// House returns a context without a wall: for finding out who asks, and for what is a person's own in all of
// their organisations.
func House(ctx context.Context) context.Context { return store.Walled(ctx, fleet.System()) }

// nobodysHash costs what a real one costs and matches nothing.
var nobodysHash = sync.OnceValue(func() string { return HashPassword(NewSecret()) })

// credential is what a request shows: a bearer token or a session's secret.
type credential struct {
	secret string
	token  bool
}

func bearer(authorization string) (credential, bool) {
	scheme, secret, ok := strings.Cut(authorization, " ")
	return credential{strings.TrimSpace(secret), true}, ok && strings.EqualFold(scheme, "Bearer")
}

// viewer tells whose credential it is. Unauthorized for one that is wrong, expired or ended.
func (d *Door) viewer(ctx context.Context, c credential) (Viewer, error) {
	ctx = House(ctx)
	var user *fleet.User
	var err error
	v := Viewer{RequestID: RequestID(ctx)}
	limit := fleet.RoleOwner
	switch {
	case c.token && isJWT(c.secret):
		return d.bearer(ctx, c.secret, v)
	case c.token && !wellFormed(c.secret):
		err = fault.New(fault.NotFound, "malformed")
	case c.token:
		var t *fleet.APIToken
		if user, t, err = d.store.UserByToken(ctx, Digest(c.secret)); err == nil {
			v.TenantID, limit = t.TenantID, t.Role
		}
	default:
		var session *fleet.Session
		if user, session, err = d.store.UserBySession(ctx, Digest(c.secret), sessionIdle); err == nil {
			v.TenantID, v.SessionID = session.TenantID, session.ID
		}
	}
	if err == nil {
		err = d.identify(ctx, &v, user, limit)
	}
	if fault.Is(err, fault.NotFound) {
		what := "this session has ended"
		if c.token {
			what = "this token is not valid"
		}
		return Viewer{}, fault.New(fault.Unauthorized, "%s", what).With("Sign in again, or send a valid token.")
	}
	return v, err
}

// identify completes a viewer by what the user may do in its organisation, up to the limit: a token may not
// outlive its owner's rights. NotFound for one who may nothing any more.
func (d *Door) identify(ctx context.Context, v *Viewer, user *fleet.User, limit fleet.Role) error {
	grants, err := d.store.Grants(ctx, fleet.Within(v.TenantID), user.ID)
	if err != nil {
		return err
	}
	*v = v.Granted(grants, limit)
	v.UserID, v.Name, v.PlatformAdmin = user.ID, user.Name, user.PlatformAdmin && limit == fleet.RoleOwner
	if v.Role == "" || user.DeactivatedAt != nil {
		return fault.New(fault.NotFound, "no rights")
	}
	v.policies, err = d.policies.of(ctx, v.TenantID)
	return err
}

// Admit is for connections that say who they are after they are open: it takes the value of an
// Authorization header and returns a context that has the viewer, and that ends when they may no longer.
func (d *Door) Admit(ctx context.Context, authorization string) (context.Context, error) {
	c, ok := bearer(authorization)
	if !ok {
		_, err := From(ctx)
		return ctx, err
	}
	v, err := d.viewer(ctx, c)
	if err != nil {
		return ctx, err
	}
	from, _ := ctx.Value(senderKey{}).(sender)
	from = d.rates.viewer(d.rates.token(from.address(), c), v)
	ctx = context.WithValue(With(ctx, v), senderKey{}, from)
	ctx, _ = d.watched(ctx, c)
	return ctx, nil
}

// ErrEnded is the cause of a context that ended because its viewer's session or token did.
var ErrEnded = errors.New("the session or token has ended")

// watched is a context that ends when the credential does.
func (d *Door) watched(ctx context.Context, c credential) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(recheckEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			check, done := context.WithTimeout(ctx, recheckWithin)
			_, err := d.viewer(check, c)
			done()
			// A database that does not answer ends nobody's session.
			if fault.Is(err, fault.Unauthorized) {
				cancel(ErrEnded)
				return
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}
