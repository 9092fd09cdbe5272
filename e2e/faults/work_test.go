package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"
)

// patient is how long a client asks again.
const patient = 30 * time.Second

// guest is a VM as it has to be.
type guest struct {
	id, name  string // no id: there is none
	made      int    // how many there were before
	vcpus     int
	snapshots []string
}

// pace hands tickets for operations to whichever workers are free, until enough are accepted.
func (s *soak) pace(ctx context.Context, tickets chan<- struct{}, target int, long time.Duration) {
	defer close(tickets)
	tick := time.NewTicker(long * 4 / 5 / time.Duration(target)) // some are refused, at broken hosts
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.mu.Lock()
		enough := s.accepted >= target
		s.mu.Unlock()
		if enough {
			return
		}
		select {
		case <-ctx.Done():
			return
		case tickets <- struct{}{}:
		}
	}
}

// errCut is a request that got no answer since what was to give it was broken: it may have been heard or not.
var errCut = errors.New("cut off")

// send makes one request as a sensible client behind a sensible proxy does: at a replica that says that it is ready, at
// another one if that cannot be reached, and again if it is safe and there is a reason for the failure. Without a reason
// the failure stands, as does a refusal that would be the same the next time.
func (s *soak) send(safe bool, request func(context.Context, *client) error) error {
	began, why := time.Now(), ""
	defer func() {
		if why != "" {
			s.mu.Lock()
			s.again[why]++
			s.mu.Unlock()
		}
	}()
	for {
		from := time.Now()
		i := s.ready()
		if i < 0 {
			if from.Sub(began) > patient {
				return errors.New("no replica is ready")
			}
			if why = s.reason(nil, began, from); why == "" {
				why = "no replica was ready, for no reason"
			}
			time.Sleep(50 * time.Millisecond)
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		err := request(ctx, s.r.admin.at(s.r.replicas[i]))
		cancel()
		var dial *net.OpError
		var refused *refusal
		reason := s.reason(&i, from, time.Now())
		switch {
		case err == nil:
			return nil
		case errors.As(err, &dial) && dial.Op == "dial":
			s.f.ready[i].Store(false) // and the next one gets it
			continue
		case reason == "" || time.Since(began) > patient,
			errors.As(err, &refused) && refused.code != "UNAVAILABLE" && refused.code != "DEADLINE":
			return err
		case !safe:
			why = reason
			return errCut
		}
		why = reason
		time.Sleep(200 * time.Millisecond)
	}
}

// ready picks a replica that is; -1: none is.
func (s *soak) ready() int {
	for _, i := range rand.Perm(len(s.f.ready)) {
		if s.f.ready[i].Load() {
			return i
		}
	}
	return -1
}

// reason is what was broken that a request needed.
func (s *soak) reason(replica *int, from, to time.Time) string {
	switch {
	case replica != nil && s.gone[*replica].during(from, to):
		return "its replica was killed or frozen"
	case s.database.during(from, to):
		return "PostgreSQL was away"
	}
	return ""
}

// count writes down a request, unless it was aimed at a host that was broken meanwhile.
func (s *soak) count(what string, at *site, from time.Time, err error) {
	if at != nil && at.broken.during(from, time.Now()) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	s.took = append(s.took, time.Since(from))
	if err != nil {
		text := fmt.Sprintf("%s %s: %v", from.Format("15:04:05.000"), what, err)
		s.r.say("FAULT: %s", text)
		s.failed = append(s.failed, text)
	}
}

// query is a request that changes nothing.
func (s *soak) query(what string, request func(context.Context, *client) error) error {
	from := time.Now()
	err := s.send(true, request)
	s.count(what, nil, from, err)
	return err
}

// read lists and searches.
func (s *soak) read(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		_ = s.query("list", func(ctx context.Context, c *client) error { return (&load{c: c}).list(ctx, n) })
		_ = s.query("search", func(ctx context.Context, c *client) error { return (&load{c: c}).search(ctx, n) })
		time.Sleep(100 * time.Millisecond)
	}
}

// resize gives a VM another number of vCPUs, again and again, at hosts that are well.
func (s *soak) resize(ctx context.Context, dice *rand.Rand, vms map[string][]string) {
	steady := map[*site]*guest{}
	for _, x := range s.sites {
		steady[x] = &guest{id: vms[x.id][0], name: "web-0-" + x.name, vcpus: 1}
	}
	for ctx.Err() == nil {
		if x := s.sites[dice.IntN(len(s.sites))]; !x.broken.now() {
			g := steady[x]
			s.do(x, g, "updateVM", vars{"id": g.id, "vcpus": 3 - g.vcpus}, func() { g.vcpus = 3 - g.vcpus })
		}
		time.Sleep(200 * time.Millisecond)
	}
	for x, g := range steady {
		x.guests = append(x.guests, g)
	}
}

// play does something with a VM that makes sense as it stands.
func (s *soak) play(x *site, g *guest, dice *rand.Rand) {
	if g.id == "" {
		s.create(x, g)
		return
	}
	var got struct {
		VM *struct {
			Status  string
			Actions []struct {
				Name    string
				Allowed bool
			}
		}
	}
	err := s.query("VM", func(ctx context.Context, c *client) error {
		return c.ask(ctx, &got, `query($id: ID!) { vm(id: $id) { status actions { name allowed } } }`, vars{"id": g.id})
	})
	if err != nil || got.VM == nil {
		s.fault("VM %s: %v, %v", g.name, got.VM, err)
		return
	}
	type choice struct {
		weight int
		verb   string
		in     vars
		then   func()
	}
	taken := fmt.Sprintf("s%d", dice.IntN(1e9))
	choices := []choice{
		{30, "updateVM", vars{"id": g.id, "vcpus": 3 - g.vcpus}, func() { g.vcpus = 3 - g.vcpus }},
		{15, "startVM", vars{"id": g.id}, func() {}},
		{60, "powerOffVM", vars{"id": g.id}, func() {}},
		{20, "createSnapshot", vars{"vm": g.id, "name": taken}, func() { g.snapshots = append(g.snapshots, taken) }},
		{10, "deleteVM", vars{"id": g.id, "snapshots": true, "disks": []vars{{"name": "vda", "fate": "DELETE"}}}, func() {
			*g = guest{name: g.name, made: g.made}
		}},
	}
	if n := len(g.snapshots); n > 0 {
		i := dice.IntN(n)
		choices = append(choices, choice{10 * n, "deleteSnapshot", vars{"vm": g.id, "name": g.snapshots[i]}, func() {
			g.snapshots = slices.Delete(g.snapshots, i, i+1)
		}})
	}
	// One that runs is not resized: what it has then depends on its guest. What is away is asked for all the same.
	sum := 0
	choices = slices.DeleteFunc(choices, func(c choice) bool {
		allowed := slices.ContainsFunc(got.VM.Actions, func(a struct {
			Name    string
			Allowed bool
		}) bool {
			return a.Name == c.verb && a.Allowed
		})
		return got.VM.Status != "UNKNOWN" && !allowed || got.VM.Status == "RUNNING" && (c.verb == "updateVM" || c.verb == "deleteVM")
	})
	for _, c := range choices {
		sum += c.weight
	}
	if sum == 0 {
		s.fault("VM %s is %s, and nothing can be done with it", g.name, got.VM.Status)
		return
	}
	n := dice.IntN(sum)
	for _, c := range choices {
		if n -= c.weight; n < 0 {
			if s.do(x, g, c.verb, c.in, c.then) {
				s.mu.Lock()
				s.accepted++
				s.mu.Unlock()
			}
			return
		}
	}
}

// create makes the guest, off. Its key makes it safe to ask again.
func (s *soak) create(x *site, g *guest) {
	from := time.Now()
	var id, op string
	name := fmt.Sprintf("%s-%d", g.name, g.made)
	err := s.send(true, func(ctx context.Context, c *client) (err error) {
		id, op, err = c.create(ctx, x.id, name, false)
		return err
	})
	s.count("createVM", x, from, err)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.accepted++
	s.mu.Unlock()
	g.made++
	if s.await(x, "createVM", name, op, from) {
		*g = guest{id: id, name: g.name, made: g.made, vcpus: 1}
	}
}

// do asks for an operation on a guest and waits for its end; then is what has become true if it succeeded. A request that
// got no answer may have been heard: who asked looks before asking again.
func (s *soak) do(x *site, g *guest, verb string, in vars, then func()) (accepted bool) {
	from := time.Now()
	last, err := s.newest(g)
	if err != nil {
		return false
	}
	var op string
	for {
		err = s.send(false, func(ctx context.Context, c *client) error {
			var got map[string]struct{ Operation struct{ ID string } }
			err := c.ask(ctx, &got, fmt.Sprintf("mutation($in: %sInput!) { %s(input: $in) { operation { id } } }", strings.ToUpper(verb[:1])+verb[1:], verb), vars{"in": in})
			op = got[verb].Operation.ID
			return err
		})
		if !errors.Is(err, errCut) {
			break
		}
		now, problem := s.newest(g)
		if problem != nil {
			return false
		}
		if now != last {
			op, err = now, nil
			break
		}
	}
	s.count(verb+" "+g.name, x, from, err)
	if err != nil || op == "" {
		return false
	}
	if s.await(x, verb, g.name, op, from) {
		then()
	}
	return true
}

// newest is the guest's last operation.
func (s *soak) newest(g *guest) (id string, err error) {
	err = s.query("operations", func(ctx context.Context, c *client) error {
		var got struct {
			VM *struct {
				Operations struct {
					Edges []struct{ Node struct{ ID string } }
				}
			}
		}
		err := c.ask(ctx, &got, `query($id: ID!) { vm(id: $id) { operations(first: 1) { edges { node { id } } } } }`, vars{"id": g.id})
		if err == nil && got.VM != nil && len(got.VM.Operations.Edges) > 0 {
			id = got.VM.Operations.Edges[0].Node.ID
		}
		return err
	})
	return id, err
}

// await waits for the end of an operation, and reports whether it succeeded.
func (s *soak) await(x *site, verb, name, id string, from time.Time) bool {
	s.ledger.add(id)
	var o operation
	for pause := 100 * time.Millisecond; time.Since(from) < 15*time.Minute; pause = min(pause*3/2, 2*time.Second) {
		err := s.query("operation", func(ctx context.Context, c *client) (err error) { o, err = c.operation(ctx, id); return err })
		if err == nil && (ended(o.Status) || o.Status == "STUCK") {
			break
		}
		time.Sleep(pause)
	}
	text := fmt.Sprintf("%s of %s (%s): %s", verb, name, id, o.Status)
	if o.Error != nil {
		text += fmt.Sprintf(" %s: %s", o.Error.Code, o.Error.Message)
	}
	broken := x.broken.during(from, time.Now())
	s.mu.Lock()
	how := o.Status
	if broken {
		how += " at a broken host"
	}
	s.ended[how]++
	s.mu.Unlock()
	if o.Status != "SUCCEEDED" {
		if broken {
			s.r.say("at a broken host: %s", text)
		} else {
			s.fault("%s", text)
		}
	}
	return o.Status == "SUCCEEDED"
}

// fault is something that must not be.
func (s *soak) fault(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.r.say("FAULT: %s", text)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = append(s.failed, time.Now().Format("15:04:05.000 ")+text)
}
