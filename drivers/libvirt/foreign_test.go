package libvirt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// foreign defines a VM that others made, and removes it at the end.
func foreign(t testing.TB, d *Driver, doc string) drivers.Ref {
	t.Helper()
	var ref drivers.Ref
	must(t, d.do(t.Context(), func(c *libvirt.Connect) error {
		dom, err := c.DomainDefineXML(doc)
		if err != nil {
			return err
		}
		defer func() { _ = dom.Free() }()
		id, err := dom.GetUUIDString()
		ref = drivers.Ref(id)
		return err
	}))
	t.Cleanup(func() { _, _ = d.Delete(context.Background(), ref, drivers.DeleteOptions{Snapshots: true}) })
	return ref
}

const foreignXML = `<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>%s</name>
  <metadata><o:info xmlns:o="urn:other:1"><o:owner o:id="7">somebody</o:owner></o:info></metadata>
  <maxMemory slots='4' unit='MiB'>1024</maxMemory>
  <memory unit='MiB'>256</memory>
  <vcpu placement='static' current='1'>4</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/><apic/></features>
  <cpu mode='maximum'><topology sockets='2' dies='1' cores='2' threads='1'/><numa><cell id='0' cpus='0-3' memory='256' unit='MiB'/></numa></cpu>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='%s'/><target dev='vda' bus='virtio'/></disk>
    <controller type='pci' model='pcie-root'/>
    <controller type='pci' model='pcie-root-port'/><controller type='pci' model='pcie-root-port'/><controller type='pci' model='pcie-root-port'/>
    <controller type='pci' model='pcie-root-port'/><controller type='pci' model='pcie-root-port'/><controller type='pci' model='pcie-root-port'/>
    <serial type='pty'/>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <memballoon model='virtio'/>
    <graphics type='vnc' port='-1' listen='127.0.0.1' passwd='sesam'/>
  </devices>
  <qemu:commandline><qemu:env name='NOVACRON' value='a &amp; b'/></qemu:commandline>
</domain>`

func stored(t testing.TB, d *Driver, ref drivers.Ref) string {
	t.Helper()
	var doc string
	must(t, d.do(t.Context(), about(ref, func(_ *libvirt.Connect, dom *libvirt.Domain) (err error) {
		doc, err = dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE | libvirt.DOMAIN_XML_SECURE)
		return err
	})))
	return doc
}

// What others put into a VM's definition outlives our edits of it.
func TestForeignDefinitionSurvives(t *testing.T) {
	d := testDriver(t)
	ref := foreign(t, d, fmt.Sprintf(foreignXML, t.Name(), "/nowhere/disk.qcow2"))
	before := stored(t, d, ref)
	cpus, maxCPUs, mib, maxMiB := 5, 6, int64(512), int64(2048)
	_, err := d.Resize(t.Context(), ref, drivers.Resize{VCPUs: &cpus, VCPUsMax: &maxCPUs, MemoryMiB: &mib, MemoryMax: &maxMiB})
	must(t, err)
	vm, err := d.Get(t.Context(), ref)
	must(t, err)
	if vm.VCPUs != 5 || vm.VCPUsMax != 6 || vm.MemoryMiB != 512 || vm.MemoryMax != 2048 || vm.Token != "" {
		t.Errorf("%+v", vm)
	}
	after := stored(t, d, ref)
	for _, keep := range []string{"urn:other:1", "somebody", "NOVACRON", "a &amp; b", "passwd='sesam'"} {
		if !strings.Contains(before, keep) || !strings.Contains(after, keep) {
			t.Errorf("%q did not survive:\n%s", keep, after)
		}
	}
}

// A VM of others that has room for it grows above what it booted with, by virtio-mem.
func TestForeignGrowsByVirtioMem(t *testing.T) {
	t.Parallel()
	d := testDriver(t)
	image := linuxImage(t, d)
	path, _, err := d.makeDisk(t.Context(), t.Name(), 0, t.Name(), drivers.DiskRequest{Pool: image.Pool, Image: &image, Clone: drivers.CloneCopyOnWrite})
	must(t, err)
	t.Cleanup(func() { _ = d.removeDisk(context.Background(), path) })
	ref := foreign(t, d, fmt.Sprintf(foreignXML, t.Name(), path))
	_, err = d.Power(t.Context(), ref, drivers.PowerStart)
	must(t, err)
	agentUp(t, d, ref)
	was := inGuestInt(t, d, ref, guestMemory)
	for _, mib := range []int64{512, 768, 384} {
		vm, err := d.Get(t.Context(), ref)
		must(t, err)
		want := drivers.Resize{MemoryMiB: &mib}
		if p := d.PlanResize(vm, want); vm.MemoryMax != 1024 || p[0].Impact != drivers.ImpactLive {
			t.Fatalf("%+v of %+v", p, vm)
		}
		resized(t, d, ref, want)
		if vm, err = d.Get(t.Context(), ref); err != nil || vm.MemoryMiB != mib {
			t.Errorf("it is done, and has %d of %d MiB: %v", vm.MemoryMiB, mib, err)
		}
		eventually(t, fmt.Sprintf("the guest counts %d MiB", was+int(mib)-256), func() bool {
			return inGuestInt(t, d, ref, guestMemory) == was+int(mib)-256
		})
	}
}

// A QEMU that hangs costs its own VM the sizes of its disks, and nobody else anything.
func TestHungQEMU(t *testing.T) {
	d := testDriver(t)
	start := func(r *drivers.CreateRequest) { r.Start = true; r.Token, r.Name = r.Token+"-hung", r.Name+"-hung" }
	hung := testVM(t, d, start)
	well := testVM(t, d, func(r *drivers.CreateRequest) { r.Start = true })
	pid := qemuPID(t, t.Name()+"-hung")
	must(t, syscall.Kill(pid, syscall.SIGSTOP))
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	for range 2 {
		began, seen := time.Now(), 0
		for vm, err := range d.List(t.Context(), drivers.ListOptions{}) {
			must(t, err)
			if vm.Ref == hung || vm.Ref == well {
				seen++
				t.Logf("%s: %s, %d bytes, %s", vm.Name, vm.State, vm.Disks[0].CapacityBytes, vm.Problem)
			}
			if vm.Ref == well && (vm.Problem != "" || vm.Disks[0].CapacityBytes != 8<<20) {
				t.Errorf("%+v", vm)
			}
		}
		took := time.Since(began)
		t.Logf("listed in %v", took.Round(time.Millisecond))
		if seen != 2 || took > 6*callDeadline {
			t.Errorf("saw %d in %v", seen, took)
		}
		began = time.Now()
		samples, err := d.Sample(t.Context(), nil)
		must(t, err)
		t.Logf("sampled in %v", time.Since(began).Round(time.Millisecond))
		if samples[well].CPUTime == 0 {
			t.Errorf("%+v", samples)
		}
	}
	_, err := d.Power(t.Context(), hung, drivers.PowerOff)
	must(t, err)
	if s := state(t, d, hung); s != drivers.StateStopped {
		t.Errorf("forced off it is %s", s)
	}
}

// qemuPID finds the process of a VM of ours by its name.
func qemuPID(t testing.TB, name string) int {
	t.Helper()
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range all {
		b, err := os.ReadFile(f)
		if err == nil && bytes.Contains(b, []byte("guest="+name+",")) {
			pid, err := strconv.Atoi(strings.Split(f, "/")[2])
			must(t, err)
			return pid
		}
	}
	t.Skip("the VM's QEMU is not on this machine")
	return 0
}

// A create that died anywhere is finished by the same call, or removed by Delete of its token.
func TestCreateDiesMidway(t *testing.T) {
	d := testDriver(t)
	image := tinyImage(t, d)
	for _, finish := range []bool{true, false} {
		r := drivers.CreateRequest{Token: fmt.Sprint(t.Name(), finish), Name: fmt.Sprint(t.Name(), finish), VCPUs: 1, MemoryMiB: 64,
			Disks: []drivers.DiskRequest{{Image: &image, Clone: drivers.CloneCopyOnWrite, Pool: image.Pool}, {CapacityBytes: 4 << 20, Pool: image.Pool}}, Seed: &drivers.Seed{Hostname: "x"}}
		// As far as the second disk.
		p := plan{CreateRequest: r, ref: refOf(r.Token), arch: d.host.arch, accelerator: drivers.AcceleratorQEMU, mark: mark{Token: r.Token, Part: "yes"}}
		_, err := d.claim(t.Context(), &p)
		must(t, err)
		_, _, err = d.makeDisk(t.Context(), r.Name, 0, r.Token, r.Disks[0])
		must(t, err)
		o := drivers.DeleteOptions{Token: r.Token}
		if finish {
			task, err := d.Create(t.Context(), r)
			must(t, err)
			vm, err := d.Get(t.Context(), task.Ref)
			must(t, err)
			if len(vm.Disks) != 3 || vm.Token != r.Token {
				t.Errorf("%+v", vm)
			}
			o.Disks = map[string]drivers.DiskFate{"vda": drivers.DiskDelete, "vdb": drivers.DiskDelete}
		}
		_, err = d.Delete(t.Context(), "", o)
		must(t, err)
		if _, err := d.Get(t.Context(), refOf(r.Token)); !fault.Is(err, fault.NotFound) {
			t.Errorf("%v", err)
		}
		left, err := d.volumesNamed(t.Context(), digest(r.Token, r.Name))
		must(t, err)
		if len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// Changes behind our back are told: at once where libvirt has an event, at the next look where it has none.
func TestWatchSeesWhatHasNoEvent(t *testing.T) {
	t.Parallel()
	d := testDriver(t)
	ref := testVM(t, d, nil)
	hints := make(chan drivers.Hint, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := watching(ctx, t, d, d, func(h drivers.Hint) {
		select {
		case hints <- h:
		default:
		}
	})
	// told makes a change and tells whether a hint of it comes.
	told := func(change func(*libvirt.Domain) error) bool {
		for len(hints) > 0 {
			<-hints
		}
		must(t, d.do(t.Context(), about(ref, func(_ *libvirt.Connect, dom *libvirt.Domain) error { return change(dom) })))
		for end := time.After(patience / 8); ; {
			select {
			case h := <-hints:
				if h.Ref == ref {
					return true
				}
			case <-end:
				return false
			}
		}
	}
	vcpus := uint(1)
	eventually(t, "setvcpus is told", func() bool { // the first look has nothing to compare with
		return told(func(dom *libvirt.Domain) error {
			vcpus = 3 - vcpus
			return dom.SetVcpusFlags(vcpus, libvirt.DOMAIN_VCPU_CONFIG)
		})
	})
	quickly(t, "start and stop are told", time.Second, func() {
		if !told(func(dom *libvirt.Domain) error {
			if on, err := dom.IsActive(); err != nil || on {
				return errors.Join(err, dom.Destroy())
			}
			return dom.Create()
		}) {
			t.Error("start and stop are not told")
		}
	})
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("%v", err)
	}
}
