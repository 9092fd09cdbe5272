package fake

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
)

// bug is one planted in the fake, or in a wrapper around it, with the tests of the suite that have to
// fail for it. No others may.
type bug struct {
	name  string
	plant plant
	wrap  func(*Driver) drivers.Driver
	found []string
}

func bugs() []bug {
	return []bug{
		{name: "no adoption by token", plant: plant{noAdoption: true}, found: []string{
			"Create/AdoptsByToken", "Create/AdoptsByTokenAtOnce",
		}},
		{name: "List ignores cancel", plant: plant{deafList: true}, found: []string{
			"Context/Canceled", "Context/Deadline", "List/ErrorOnCanceledContext",
		}},
		{name: "List is short when canceled", plant: plant{shortList: true}, found: []string{
			"Close/EndsList", "Close/RefusesLaterCalls", "Context/Canceled", "Context/Deadline",
			"List/ErrorOnCanceledContext", "List/ErrorWhenCanceledMidway",
		}},
		{name: "Delete deletes every disk", wrap: func(d *Driver) drivers.Driver { return greedy{d} }, found: []string{
			"Create/UsesAVolumeItself", "Delete/DisksByTheirFates",
		}},
		{name: "Delete keeps every disk", wrap: func(d *Driver) drivers.Driver { return hoarder{d} }, found: []string{
			"Delete/DisksByTheirFates", "Storage/ImageInUse",
		}},
		{name: "the plan promises too much", wrap: func(d *Driver) drivers.Driver { return optimist{d} }, found: []string{
			"Resize/RunningAsPlanned",
		}},
		{name: "a resize is done before it is so", wrap: func(d *Driver) drivers.Driver { return hasty{d} }, found: []string{
			"Resize/OffAsPlanned", "Resize/RunningAsPlanned", "Resize/WithdrawnAsPlanned",
		}},
		{name: "Watch misses everything", wrap: func(d *Driver) drivers.Driver { return sleeper{d} }, found: []string{
			"Watch/HintsOfOutsideChanges", "Watch/TwoAtOnce",
		}},
		{name: "Close leaves a goroutine", wrap: func(d *Driver) drivers.Driver { go func() { select {} }(); return d }, found: []string{
			"Leak",
		}},
	}
}

type greedy struct{ *Driver }

func (g greedy) Delete(ctx context.Context, ref drivers.Ref, o drivers.DeleteOptions) (drivers.Task, error) {
	all := map[string]drivers.DiskFate{}
	v, _ := g.Get(ctx, ref)
	for _, d := range v.Disks {
		all[d.Name] = drivers.DiskDelete
	}
	o.Disks = all
	return g.Driver.Delete(ctx, ref, o)
}

type hoarder struct{ *Driver }

func (h hoarder) Delete(ctx context.Context, ref drivers.Ref, o drivers.DeleteOptions) (drivers.Task, error) {
	o.Disks = nil
	return h.Driver.Delete(ctx, ref, o)
}

type optimist struct{ *Driver }

func (o optimist) PlanResize(v drivers.VM, want drivers.Resize) []drivers.Verdict {
	plan := o.Driver.PlanResize(v, want)
	for i := range plan {
		if plan[i].Impact == drivers.ImpactRestart {
			plan[i].Impact = drivers.ImpactLive
		}
	}
	return plan
}

type hasty struct{ *Driver }

func (h hasty) Resize(ctx context.Context, ref drivers.Ref, want drivers.Resize) (drivers.Task, error) {
	v, err := h.Get(ctx, ref)
	if err != nil {
		return drivers.Task{}, err
	}
	for _, p := range h.PlanResize(v, want) {
		if p.Impact == drivers.ImpactImpossible {
			return h.Driver.Resize(ctx, ref, want)
		}
	}
	time.AfterFunc(50*time.Millisecond, func() { _, _ = h.Driver.Resize(context.Background(), ref, want) })
	return drivers.Done(ref), nil
}

type sleeper struct{ *Driver }

func (s sleeper) Watch(ctx context.Context, _ func(drivers.Hint)) error {
	return s.Driver.Watch(ctx, func(drivers.Hint) {})
}

// TestPlanted is the suite against one bug, for TestSuiteFindsPlantedBugs to run in a process of its own.
func TestPlanted(t *testing.T) {
	name := os.Getenv("NOVACRON_TEST_PLANT")
	i := slices.IndexFunc(bugs(), func(b bug) bool { return b.name == name })
	if i < 0 {
		t.Skip("it is run by TestSuiteFindsPlantedBugs")
	}
	conform(t, bugs()[i])
}

func TestSuiteFindsPlantedBugs(t *testing.T) {
	failed := regexp.MustCompile(`(?m)^\s*--- FAIL: TestPlanted/(\S+)`)
	for _, b := range bugs() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPlanted$", "-test.v")
			cmd.Env = append(os.Environ(), "NOVACRON_TEST_PLANT="+b.name)
			out, err := cmd.CombinedOutput()
			require.Error(t, err, "the suite finds nothing")
			var found []string
			for _, m := range failed.FindAllStringSubmatch(string(out), -1) {
				if strings.Contains(m[1], "/") || m[1] == "Leak" {
					found = append(found, m[1])
				}
			}
			slices.Sort(found)
			if !assert.Equal(t, b.found, found) {
				t.Logf("%s", out[max(0, len(out)-20_000):])
			}
		})
	}
}
