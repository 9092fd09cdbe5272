package libvirt

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// tinyGuest is a boot sector that prints TINY-BOOTED on the serial line and halts: a guest that
// costs nothing.
func tinyGuest() []byte {
	msg := []byte("TINY-BOOTED\r\n\x00")
	head := []byte{0x31, 0xC0, 0x8E, 0xD8, 0xBA, 0xF8, 0x03}
	body := []byte{0xAC, 0x84, 0xC0, 0x74, 0x03, 0xEE, 0xEB, 0xF8, 0xFA, 0xF4, 0xEB, 0xFD}
	off := 0x7c00 + len(head) + 3 + len(body)
	img := bytes.Join([][]byte{head, {0xBE, byte(off), byte(off >> 8)}, body, msg}, nil)
	img = append(img, make([]byte, 510-len(img))...)
	img = append(img, 0x55, 0xAA)
	return append(img, make([]byte, 1<<20-len(img))...)
}

// poolForTests makes sure that the host has a storage pool, and names it.
func poolForTests(t testing.TB, d *Driver) string {
	t.Helper()
	err := d.do(t.Context(), func(c *libvirt.Connect) error {
		p, err := c.LookupStoragePoolByName("default")
		if err != nil {
			p, err = c.StoragePoolDefineXML(`<pool type='dir'><name>default</name><target><path>/var/lib/libvirt/images</path></target></pool>`, 0)
		}
		if err != nil {
			return err
		}
		defer func() { _ = p.Free() }()
		if on, err := p.IsActive(); err != nil || on {
			return err
		}
		return p.Create(0)
	})
	if err != nil {
		t.Fatal(err)
	}
	return "default"
}

// tinyImage makes sure that the pool has the tiny guest's image.
func tinyImage(t testing.TB, d *Driver) drivers.VolumeRef {
	t.Helper()
	return putOnce(t, d, "test-tiny.raw", "raw", tinyGuest())
}

// must ends the test with the whole of an error.
func must(t testing.TB, err error) {
	t.Helper()
	var f *fault.Error
	if errors.As(err, &f) {
		t.Fatalf("%s at %q: %v (remedy: %s)", f.Kind, f.Field, err, f.Remedy)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// testVM makes a tiny VM, and deletes it at the end.
func testVM(t testing.TB, d *Driver, change func(*drivers.CreateRequest)) drivers.Ref {
	t.Helper()
	image := tinyImage(t, d)
	r := drivers.CreateRequest{
		Token: t.Name(), Name: strings.ReplaceAll(t.Name(), "/", "-"), VCPUs: 1, VCPUsMax: 2, MemoryMiB: 64, MemoryMax: 128,
		Disks: []drivers.DiskRequest{{Pool: image.Pool, Image: &image, Clone: drivers.CloneCopyOnWrite, CapacityBytes: 8 << 20}},
	}
	if change != nil {
		change(&r)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		vm, err := d.Get(ctx, refOf(r.Token))
		if fault.Is(err, fault.NotFound) {
			return
		}
		o := drivers.DeleteOptions{Snapshots: true, Disks: map[string]drivers.DiskFate{}}
		for _, k := range vm.Disks {
			o.Disks[k.Name] = drivers.DiskDelete
		}
		if _, err := d.Delete(ctx, vm.Ref, o); err != nil {
			t.Error(err)
		}
	})
	task, err := d.Create(t.Context(), r)
	must(t, err)
	return task.Ref
}

func state(t testing.TB, d *Driver, ref drivers.Ref) drivers.State {
	t.Helper()
	vm, err := d.Get(t.Context(), ref)
	must(t, err)
	return vm.State
}

// The whole life of a VM on a real host.
func TestLife(t *testing.T) {
	d := testDriver(t)
	ref := testVM(t, d, func(r *drivers.CreateRequest) {
		r.Description = `a "guest" & <more>`
		r.NICs = []drivers.NICRequest{{}, {Type: "user", MAC: "52:54:00:aa:bb:01"}}
		r.Seed = &drivers.Seed{Hostname: "life"}
		r.Autostart = true
	})
	vm, err := d.Get(t.Context(), ref)
	must(t, err)
	t.Logf("%+v", vm)
	switch {
	case vm.Problem != "" || vm.State != drivers.StateStopped || vm.Token != t.Name() || vm.Description != `a "guest" & <more>`:
		t.Errorf("not the VM that was asked for")
	case vm.VCPUs != 1 || vm.VCPUsMax != 2 || vm.MemoryMiB != 64 || vm.MemoryMax != 128 || !vm.Autostart:
		t.Errorf("not its size")
	case len(vm.Disks) != 2 || vm.Disks[0].Name != "vda" || vm.Disks[0].CapacityBytes != 8<<20 || vm.Disks[0].Pool != "default" || vm.Disks[0].Backing == "":
		t.Errorf("not its disks")
	case !vm.Disks[1].Seed || !vm.Disks[1].ReadOnly:
		t.Errorf("no seed")
	case len(vm.NICs) != 2 || vm.NICs[1].MAC != "52:54:00:aa:bb:01" || vm.NICs[1].Type != "user":
		t.Errorf("not its NICs")
	}
	for _, step := range []struct {
		do   drivers.PowerAction
		want drivers.State
	}{
		{drivers.PowerStart, drivers.StateRunning}, {drivers.PowerStart, drivers.StateRunning},
		{drivers.PowerPause, drivers.StatePaused}, {drivers.PowerPause, drivers.StatePaused},
		{drivers.PowerReset, drivers.StatePaused},
		{drivers.PowerResume, drivers.StateRunning}, {drivers.PowerResume, drivers.StateRunning},
		{drivers.PowerReset, drivers.StateRunning},
		{drivers.PowerSuspend, drivers.StateSuspended}, {drivers.PowerSuspend, drivers.StateSuspended},
		{drivers.PowerResume, drivers.StateRunning},
		{drivers.PowerSuspend, drivers.StateSuspended}, {drivers.PowerStart, drivers.StateRunning},
		{drivers.PowerOff, drivers.StateStopped}, {drivers.PowerOff, drivers.StateStopped},
		{drivers.PowerStart, drivers.StateRunning}, {drivers.PowerSuspend, drivers.StateSuspended}, {drivers.PowerOff, drivers.StateStopped},
	} {
		began := time.Now()
		_, err := d.Power(t.Context(), ref, step.do)
		must(t, err)
		took := time.Since(began)
		if s := state(t, d, ref); s != step.want {
			t.Fatalf("after %s: %s, not %s", step.do, s, step.want)
		}
		t.Logf("%-9s %v", step.do, took.Round(time.Millisecond))
	}
	if _, err := d.Power(t.Context(), ref, drivers.PowerShutdown); err != nil {
		t.Errorf("shutting down what is off: %v", err)
	}
	if _, err := d.Power(t.Context(), ref, drivers.PowerPause); !fault.Is(err, fault.Conflict) {
		t.Errorf("pausing what is off: %v", err)
	}
	task, err := d.Create(t.Context(), drivers.CreateRequest{Token: t.Name(), Name: "other", VCPUs: 1, MemoryMiB: 64})
	if err != nil || task.Ref != ref {
		t.Errorf("the same token made %v, %v", task, err)
	}
	if _, err := d.Create(t.Context(), drivers.CreateRequest{Token: "x", Name: vm.Name, VCPUs: 1, MemoryMiB: 64}); !fault.Is(err, fault.Exists) {
		t.Errorf("a taken name: %v", err)
	}
	var listed, brief int
	for got, err := range d.List(t.Context(), drivers.ListOptions{}) {
		must(t, err)
		if got.Ref == ref && got.Disks[0].Path == vm.Disks[0].Path {
			listed++
		}
	}
	for got, err := range d.List(t.Context(), drivers.ListOptions{Brief: true}) {
		must(t, err)
		if got.Ref == ref && got.Name == vm.Name && got.State == drivers.StateStopped {
			brief++
		}
	}
	if listed != 1 || brief != 1 {
		t.Errorf("listed %d times, briefly %d times", listed, brief)
	}
	o := drivers.DeleteOptions{Disks: map[string]drivers.DiskFate{"vda": drivers.DiskDelete}}
	for range 2 {
		_, err = d.Delete(t.Context(), ref, o)
		must(t, err)
	}
	if _, err := d.Get(t.Context(), ref); !fault.Is(err, fault.NotFound) {
		t.Errorf("after the delete: %v", err)
	}
	vols, err := d.Volumes(t.Context(), "default")
	must(t, err)
	for _, v := range vols {
		if strings.Contains(v.Name, digest(t.Name(), vm.Name)) {
			t.Errorf("left behind: %s", v.Name)
		}
	}
}
