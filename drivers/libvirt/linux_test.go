package libvirt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// linuxImage puts the image of a small Linux with guest agent (scripts/tiny-image) into the pool.
func linuxImage(t testing.TB, d *Driver) drivers.VolumeRef {
	t.Helper()
	file := os.Getenv("NOVACRON_TEST_IMAGE")
	if file == "" {
		t.Skip("NOVACRON_TEST_IMAGE is not set: no image of a Linux with guest agent")
	}
	image, err := os.ReadFile(file)
	must(t, err)
	i, err := os.Stat(file)
	must(t, err)
	return putOnce(t, d, "test-linux-"+strconv.FormatInt(i.ModTime().Unix(), 36)+".qcow2", "qcow2", image)
}

var putting sync.Mutex

// putOnce makes sure that the pool has an image: another PutVolume would take it from under the VMs of other tests.
func putOnce(t testing.TB, d *Driver, name, format string, image []byte) drivers.VolumeRef {
	t.Helper()
	putting.Lock()
	defer putting.Unlock()
	v := drivers.VolumeRef{Pool: poolForTests(t, d), Volume: name}
	vols, err := d.Volumes(t.Context(), v.Pool)
	must(t, err)
	if !slices.ContainsFunc(vols, func(have drivers.Volume) bool { return have.Name == name }) {
		_, err = d.PutVolume(t.Context(), v, name, format, int64(len(image)), bytes.NewReader(image))
		must(t, err)
	}
	return v
}

// inGuest runs a command in the guest and returns what it prints.
func inGuest(t testing.TB, d *Driver, ref drivers.Ref, command string) string {
	t.Helper()
	agent := func(request string, reply any) {
		err := d.do(t.Context(), about(ref, func(_ *libvirt.Connect, dom *libvirt.Domain) error {
			s, err := dom.QemuAgentCommand(request, 5, 0)
			if err != nil {
				return err
			}
			return json.Unmarshal([]byte(s), reply)
		}))
		must(t, err)
	}
	var started struct{ Return struct{ PID int } }
	arg, _ := json.Marshal(command)
	agent(`{"execute":"guest-exec","arguments":{"path":"/bin/sh","arg":["-c",`+string(arg)+`],"capture-output":true}}`, &started)
	for {
		var ended struct {
			Return struct {
				Exited bool
				Out    string `json:"out-data"`
			}
		}
		agent(`{"execute":"guest-exec-status","arguments":{"pid":`+strconv.Itoa(started.Return.PID)+`}}`, &ended)
		if ended.Return.Exited {
			out, err := base64.StdEncoding.DecodeString(ended.Return.Out)
			must(t, err)
			return strings.TrimSpace(string(out))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func inGuestInt(t testing.TB, d *Driver, ref drivers.Ref, command string) int {
	t.Helper()
	out := inGuest(t, d, ref, command)
	n, err := strconv.Atoi(out)
	if err != nil {
		t.Fatalf("%s printed %q", command, out)
	}
	return n
}

// agentUp waits until the guest's agent is there.
func agentUp(t testing.TB, d *Driver, ref drivers.Ref) {
	t.Helper()
	for began := time.Now(); time.Since(began) < patience; time.Sleep(250 * time.Millisecond) {
		vm, err := d.Get(t.Context(), ref)
		must(t, err)
		if vm.GuestAgent {
			t.Logf("the agent is up after %v", time.Since(began).Round(time.Millisecond))
			return
		}
	}
	t.Fatal("the guest's agent does not come up")
}

const (
	guestMemory = `awk '/MemTotal/{print int($2/1024)}' /proc/meminfo`
	guestCPUs   = `grep -c ^processor /proc/cpuinfo`
	guestDisk   = `cat /sys/block/vda/size`
	guestUptime = `cut -d. -f1 /proc/uptime`
)

// A running guest sees its new size, and its uptime goes on. Firmware and machine do not matter.
func TestLinuxGrows(t *testing.T) {
	t.Parallel()
	d := testDriver(t)
	image := linuxImage(t, d)
	for _, firmware := range []drivers.Firmware{drivers.FirmwareBIOS, drivers.FirmwareUEFI} {
		t.Run(string(firmware), func(t *testing.T) {
			t.Parallel()
			ref := testVM(t, d, func(r *drivers.CreateRequest) {
				r.Firmware, r.VCPUs, r.VCPUsMax, r.MemoryMiB, r.MemoryMax = firmware, 1, 3, 256, 512
				r.Disks = []drivers.DiskRequest{{Pool: image.Pool, Image: &image, Clone: drivers.CloneCopyOnWrite}}
				r.NICs = []drivers.NICRequest{{}}
				r.Start = true
			})
			agentUp(t, d, ref)
			vm := ballooned(t, d, ref, 256)
			var err error
			if vm.Firmware != firmware || vm.State != drivers.StateRunning || len(vm.Pending) != 0 {
				t.Errorf("%+v", vm)
			}
			memory, disk := inGuestInt(t, d, ref, guestMemory), vm.Disks[0].CapacityBytes
			t.Logf("the guest counts %d CPUs, %d MiB, %d bytes", inGuestInt(t, d, ref, guestCPUs), memory, 512*inGuestInt(t, d, ref, guestDisk))
			if memory > 256 {
				t.Errorf("the guest counts %d MiB of 256 it was given", memory)
			}
			uptime := inGuestInt(t, d, ref, guestUptime)
			cpus, mib := 3, int64(448)
			want := drivers.Resize{VCPUs: &cpus, MemoryMiB: &mib, Disks: map[string]int64{"vda": disk + 64<<20}}
			for _, v := range d.PlanResize(vm, want) {
				if v.Impact != drivers.ImpactLive {
					t.Errorf("%+v", v)
				}
			}
			for range 2 {
				began := time.Now()
				resized(t, d, ref, want)
				t.Logf("resized in %v", time.Since(began).Round(time.Millisecond))
			}
			vm, err = d.Get(t.Context(), ref)
			must(t, err)
			if vm.VCPUs != 3 || vm.MemoryMiB != 448 || vm.Disks[0].CapacityBytes != disk+64<<20 || len(vm.Pending) != 0 {
				t.Errorf("after the resize: %+v", vm)
			}
			if n := inGuestInt(t, d, ref, guestCPUs); n != 3 {
				t.Errorf("the guest counts %d CPUs", n)
			}
			if n := inGuestInt(t, d, ref, guestMemory); n != memory+192 {
				t.Errorf("the guest counts %d MiB, before %d", n, memory)
			}
			if n := int64(512 * inGuestInt(t, d, ref, guestDisk)); n != disk+64<<20 {
				t.Errorf("the guest's disk has %d bytes", n)
			}
			less := int64(300)
			resized(t, d, ref, drivers.Resize{MemoryMiB: &less})
			if n := inGuestInt(t, d, ref, guestMemory); n > memory+44+2 {
				t.Errorf("the guest counts %d MiB of 300", n)
			}
			none := int64(24)
			if _, err := d.Resize(t.Context(), ref, drivers.Resize{MemoryMiB: &none}); !fault.Is(err, fault.Conflict) || fault.Of(err).Field != "memoryMiB" {
				t.Errorf("less than the guest uses: %v", err)
			}
			if n := inGuestInt(t, d, ref, guestUptime); n < uptime {
				t.Errorf("the guest was restarted: up %d s, before %d s", n, uptime)
			}
			attachAndDetach(t, d, ref)
			samples, err := d.Sample(t.Context(), nil)
			must(t, err)
			if s := samples[ref]; s.VCPUs != 3 || s.MemoryMiB != 300 || s.MemoryUsedMiB <= 0 || s.CPUTime <= 0 || s.DiskReadBytes <= 0 {
				t.Errorf("%+v", s)
			}
			began := time.Now()
			_, err = d.Power(t.Context(), ref, drivers.PowerReboot)
			must(t, err)
			agentGone(t, d, ref)
			agentUp(t, d, ref)
			if n := inGuestInt(t, d, ref, guestCPUs); n != 3 {
				t.Errorf("after the reboot the guest counts %d CPUs", n)
			}
			t.Logf("rebooted in %v", time.Since(began).Round(time.Millisecond))
			began = time.Now()
			_, err = d.Power(t.Context(), ref, drivers.PowerShutdown)
			must(t, err)
			t.Logf("shut down in %v", time.Since(began).Round(time.Millisecond))
			if s := state(t, d, ref); s != drivers.StateStopped {
				t.Errorf("after the shutdown: %s", s)
			}
		})
	}
}

// resized changes a size and waits until the guest has done its part.
func resized(t testing.TB, d *Driver, ref drivers.Ref, want drivers.Resize) {
	t.Helper()
	task, err := d.Resize(t.Context(), ref, want)
	must(t, err)
	for !task.Done { // it ends by itself
		time.Sleep(50 * time.Millisecond)
		task, err = d.Poll(t.Context(), task)
		must(t, err)
	}
	if task.Note != "" {
		t.Error(task.Note)
	}
}

// ballooned waits until the guest has given back what it was not given.
func ballooned(t testing.TB, d *Driver, ref drivers.Ref, mib int64) drivers.VM {
	t.Helper()
	var vm drivers.VM
	eventually(t, fmt.Sprintf("the guest has %d MiB", mib), func() bool {
		var err error
		vm, err = d.Get(t.Context(), ref)
		must(t, err)
		return vm.MemoryMiB == mib
	})
	return vm
}

// agentGone waits until the guest's agent has closed its channel.
func agentGone(t testing.TB, d *Driver, ref drivers.Ref) {
	t.Helper()
	eventually(t, "the guest reboots", func() bool {
		vm, err := d.Get(t.Context(), ref)
		must(t, err)
		return !vm.GuestAgent
	})
}

func attachAndDetach(t *testing.T, d *Driver, ref drivers.Ref) {
	t.Helper()
	disk, err := d.AttachDisk(t.Context(), ref, t.Name()+"-disk", drivers.DiskRequest{Pool: "default", CapacityBytes: 32 << 20})
	must(t, err)
	again, err := d.AttachDisk(t.Context(), ref, t.Name()+"-disk", drivers.DiskRequest{Pool: "default", CapacityBytes: 32 << 20})
	must(t, err)
	if disk.Path == "" || disk.Path != again.Path || disk.Name != again.Name {
		t.Errorf("attached %+v, then %+v", disk, again)
	}
	nic, err := d.AttachNIC(t.Context(), ref, drivers.NICRequest{MAC: fmt.Sprintf("52:54:00:0a:0b:%02x", rand.N(256))})
	must(t, err)
	eventually(t, "the guest sees disk and NIC", func() bool {
		seen := inGuest(t, d, ref, "cat /sys/block/"+disk.Name+"/size /sys/class/net/*/address")
		return strings.Contains(seen, "65536") && strings.Contains(seen, nic.MAC)
	})
	for range 2 {
		must(t, d.DetachNIC(t.Context(), ref, nic.MAC))
		must(t, d.DetachDisk(t.Context(), ref, disk.Name, drivers.DiskDelete))
	}
	vm, err := d.Get(t.Context(), ref)
	must(t, err)
	if len(vm.Disks) != 1 || len(vm.NICs) != 1 || len(vm.Pending) != 0 {
		t.Errorf("after detaching: %+v", vm)
	}
	if seen := inGuest(t, d, ref, "ls /sys/block; cat /sys/class/net/*/address"); strings.Contains(seen, disk.Name) || strings.Contains(seen, nic.MAC) {
		t.Errorf("the guest still sees %q", seen)
	}
}
