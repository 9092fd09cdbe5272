package fake

import (
	"context"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// Options shape a World. The zero value has hosts without VMs.
type Options struct {
	VMs   int     // on each host at first, up to 500,000
	Seed  uint64  // what they are made from
	Nodes int     // of each host; 0: one for every 250 VMs
	Pace  float64 // how long things take, 1 being a real KVM host's time; 0: a twentieth of it
}

// maxVMs is the most that a host has at first.
const maxVMs = 500_000

// World is a set of hosts that outlive the connections to them.
type World struct {
	options Options
	born    time.Time
	plant   plant

	mu    sync.Mutex
	hosts map[string]*host
}

// plant is for this package's own tests: bugs that the conformance suite must find.
type plant struct {
	noAdoption bool // Create does not look for the token
	deafList   bool // List does not look at its context
	shortList  bool // List ends without an error when it is canceled
}

// NewWorld makes a world. Its hosts come to be when they are first connected to.
func NewWorld(o Options) *World {
	if o.Pace == 0 {
		o.Pace = 0.05
	}
	o.VMs = min(max(o.VMs, 0), maxVMs)
	return &World{options: o, born: time.Now(), hosts: map[string]*host{}}
}

// Open connects to the host that c.Host names. It is a drivers.Opener.
func (w *World) Open(ctx context.Context, c drivers.Config) (drivers.Driver, error) {
	h := w.host(c.Host)
	d := &Driver{host: h, closed: make(chan struct{}), streams: map[io.Closer]struct{}{}}
	switch {
	case h.says("hang-open"):
		<-ctx.Done()
		return nil, fault.Of(ctx.Err())
	case h.says("wrong-password"):
		return nil, fault.New(fault.Unauthorized, "%s refuses the user name or password", h.title()).With("Check both; try them with the provider's own tools.")
	case h.says("wrong-cert"):
		return nil, fault.Field("secrets.caCert", "Give the certificate of the authority that signed the host's.", "the certificate of %s is signed by another authority", h.title())
	case h.says("down"):
		return nil, h.unavailable("connection refused")
	}
	return d, d.call(ctx, callTime)
}

// SetDown takes a host down (every call answers Unavailable, Watch ends, no connection opens) or up again.
func (w *World) SetDown(name string, down bool) {
	h := w.host(name)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = down
	if down {
		for s := range h.watchers {
			s.cut()
		}
	}
}

func (w *World) host(name string) *host {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.hosts[name]
	if h == nil {
		h = newHost(w, name)
		w.hosts[name] = h
	}
	return h
}

// host is one hypervisor. Its VMs are those it had at first, made anew from the seed whenever they are
// looked at until something changes them, and those that were created since.
type host struct {
	world *World
	name  string
	seed  uint64
	count int // of VMs at first
	nodes int

	mu       sync.Mutex
	down     bool
	touched  map[int]*vm // VMs of the first ones that have changed; nil: deleted
	made     []*vm       // in the order of their creation; nil: deleted
	refs     map[drivers.Ref]*vm
	names    map[string]*vm
	tokens   map[string]*vm
	used     map[drivers.Ref]bool // every ref there ever was, but the first ones'
	volumes  map[drivers.VolumeRef]*volume
	tasks    map[string]*task
	lastTask int
	tried    map[string]int
	calls    int
	watchers map[*watcher]struct{}
}

func newHost(w *World, name string) *host {
	h := &host{
		world: w, name: name, count: w.options.VMs,
		touched: map[int]*vm{}, refs: map[drivers.Ref]*vm{}, names: map[string]*vm{}, tokens: map[string]*vm{},
		used: map[drivers.Ref]bool{}, volumes: map[drivers.VolumeRef]*volume{}, tasks: map[string]*task{},
		tried: map[string]int{}, watchers: map[*watcher]struct{}{},
	}
	if _, n, ok := strings.Cut(name, "vms-"); ok {
		n, _, _ = strings.Cut(n, "-")
		n, _, _ = strings.Cut(n, ".")
		if n, err := strconv.Atoi(n); err == nil {
			h.count = min(max(n, 0), maxVMs)
		}
	}
	h.seed = hash(w.options.Seed, name)
	h.nodes = w.options.Nodes
	if h.nodes == 0 {
		h.nodes = 1 + h.count/250
	}
	h.stock()
	return h
}

// title is the host's name in messages.
func (h *host) title() string {
	if h.name == "" {
		return "the fake hypervisor"
	}
	return h.name
}

func (h *host) says(fragment string) bool { return strings.Contains(h.name, fragment) }

func (h *host) unavailable(text string) *fault.Error {
	e := fault.New(fault.Unavailable, "%s cannot be reached", h.title()).With("It is tried again by itself. Check that the host is up.")
	e.Provider, e.ProviderCode, e.ProviderText = string(drivers.KindFake), "FAKE_UNREACHABLE", text
	return e
}

// pace turns a real host's time into this world's.
func (h *host) pace(d time.Duration) time.Duration {
	return time.Duration(float64(d) * h.world.options.Pace)
}
