//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A uevent is the kernel's word that hardware came, went or changed.
type uevent map[string]string

// parseUevent takes a message apart: "add@/devices/…\0ACTION=add\0SUBSYSTEM=net\0…".
func parseUevent(message []byte) uevent {
	e := uevent{}
	for field := range bytes.SplitSeq(message, []byte{0}) {
		if name, value, ok := strings.Cut(string(field), "="); ok {
			e[name] = value
		}
	}
	return e
}

// A watcher keeps what it has seen, to be able to say what is new.
type watcher struct {
	nics    []nic // the seed's wishes
	dhcp    map[string]context.CancelFunc
	disks   map[string]int64 // bytes
	changes *time.Timer      // fires when CPUs and memory have been quiet for a moment
}

// watch gets the machine ready, says so, and follows the hardware from then on.
func watch(ctx context.Context) error {
	// DHCP clients are to end with this process; the kernel ties that to the thread that starts them.
	runtime.LockOSThread()

	// The socket first: what is plugged in while we look around is then seen twice, not never.
	events, err := listen()
	if err != nil {
		return fmt.Errorf("listening to the kernel: %w", err)
	}
	w := &watcher{
		nics:    readSeed().network,
		dhcp:    map[string]context.CancelFunc{},
		disks:   map[string]int64{},
		changes: time.NewTimer(0),
	}
	<-w.changes.C
	w.lookAround(ctx)
	say("READY hostname=%s uptime=%s %s", hostname(), uptime(), capacity())
	if err := os.WriteFile("/run/novacron/ready", nil, 0o644); err != nil { // lets the consoles in
		return err
	}
	go runUserCommands(ctx)

	for {
		select {
		case e, open := <-events:
			if !open {
				return errors.New("the kernel's event socket is closed")
			}
			w.handle(ctx, e)
		case <-w.changes.C:
			say("RESIZED %s uptime=%s", capacity(), uptime())
		}
	}
}

func listen() (<-chan uevent, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, err
	}
	// Memory arrives as many blocks at once; the default buffer holds few of their events.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, mib)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}); err != nil {
		return nil, err
	}
	events := make(chan uevent)
	go func() {
		defer close(events)
		buffer := make([]byte, 64<<10)
		for {
			n, _, err := unix.Recvfrom(fd, buffer, 0)
			switch {
			case errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.EINTR):
				continue // some events are lost; those that follow still count
			case err != nil:
				return
			}
			events <- parseUevent(buffer[:n])
		}
	}()
	return events, nil
}

// lookAround treats what was there before us as if it had just been plugged in.
func (w *watcher) lookAround(ctx context.Context) {
	for _, name := range list("/sys/class/net") {
		w.addNIC(ctx, name)
	}
	for _, name := range list("/sys/block") {
		if size, err := diskSize(name); err == nil {
			w.disks[name] = size
		}
	}
	cpus, _ := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*")
	for _, cpu := range cpus {
		online(cpu)
	}
}

func (w *watcher) handle(ctx context.Context, e uevent) {
	name := filepath.Base(e["DEVPATH"])
	switch e["SUBSYSTEM"] + " " + e["ACTION"] {
	case "cpu add":
		online("/sys" + e["DEVPATH"])
		w.changes.Reset(500 * time.Millisecond)
	case "cpu online", "cpu offline", "memory online", "memory offline":
		w.changes.Reset(500 * time.Millisecond)
	case "net add":
		w.addNIC(ctx, name)
		say("NIC %s added", name)
	case "net remove":
		if cancel := w.dhcp[name]; cancel != nil {
			cancel()
			delete(w.dhcp, name)
		}
		say("NIC %s removed", name)
	case "block add":
		if e["DEVTYPE"] == "disk" && w.disks[name] == 0 {
			w.disks[name], _ = diskSize(name) // an empty drive has no size
			say("DISK %s added, %d MiB", name, w.disks[name]/mib)
		}
	case "block remove":
		if e["DEVTYPE"] == "disk" {
			delete(w.disks, name)
			say("DISK %s removed", name)
		}
	case "block change":
		if e["DEVTYPE"] == "disk" {
			w.diskChanged(name)
		}
	}
}

func (w *watcher) diskChanged(name string) {
	was := w.disks[name]
	size, err := diskSize(name)
	if err != nil || size == was {
		return
	}
	w.disks[name] = size
	switch {
	case name == rootDisk():
		if err := grow(name); err != nil {
			say("ERROR %v", err)
		}
	case size > was:
		say("GREW %s %d MiB (was %d MiB) uptime=%s", name, size/mib, was/mib, uptime())
	default:
		say("DISK %s is now %d MiB (was %d MiB)", name, size/mib, was/mib)
	}
}

// rootDisk is the disk under the root file system: "vda" of "/dev/vda2".
func rootDisk() string {
	mounts, _ := os.ReadFile("/proc/mounts")
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) > 1 && fields[1] == "/" {
			part := strings.TrimPrefix(fields[0], "/dev/")
			for _, disk := range list("/sys/block") {
				if partition2(disk) == part {
					return disk
				}
			}
		}
	}
	return ""
}

// addNIC brings a card up as the seed wants it, or by DHCP.
func (w *watcher) addNIC(ctx context.Context, name string) {
	if name == "lo" || w.dhcp[name] != nil {
		return
	}
	mac, err := os.ReadFile(filepath.Join("/sys/class/net", name, "address"))
	if err != nil {
		return // gone again
	}
	n := nicFor(w.nics, name, strings.TrimSpace(string(mac)))
	for _, argv := range n.commands(name) {
		if out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput(); err != nil {
			say("NET %s: %s: %v %s", name, strings.Join(argv, " "), err, bytes.TrimSpace(out))
		}
	}
	if len(n.addresses) > 0 {
		say("NET %s %s", name, strings.Join(n.addresses, " "))
	}
	if len(n.resolvers) > 0 {
		text := "nameserver " + strings.Join(n.resolvers, "\nnameserver ") + "\n"
		if err := os.WriteFile("/etc/resolv.conf", []byte(text), 0o644); err != nil {
			say("NET %s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	w.dhcp[name] = cancel
	if n.dhcp {
		w.startDHCP(ctx, name)
	}
}

// startDHCP keeps a DHCP client on a card until the card goes.
func (w *watcher) startDHCP(ctx context.Context, name string) {
	cmd := exec.CommandContext(ctx, "udhcpc", "-f", "-i", name, "-s", "/lib/novacron/dhcp",
		"-x", "hostname:"+hostname(), "-t", "4", "-T", "1", "-A", "4")
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		say("NET %s: %v", name, err)
		return
	}
	go func() {
		err := cmd.Wait()
		if ctx.Err() == nil {
			log.Printf("DHCP client of %s ended: %v", name, err)
		}
	}()
}

// online starts a CPU that was plugged in; without udev the kernel waits for somebody to ask.
func online(cpu string) {
	path := filepath.Join(cpu, "online") // the first CPU has no such file
	if state, err := os.ReadFile(path); err != nil || string(state) == "1\n" {
		return
	}
	if err := os.WriteFile(path, []byte("1"), 0); err != nil {
		say("CPU %s: %v", filepath.Base(cpu), err)
	}
}

// runUserCommands runs what the seed wants done once, as soon as there is a network to use.
func runUserCommands(ctx context.Context) {
	if _, err := os.Stat(runOnce); err != nil {
		return
	}
	for range 60 {
		if routes, _ := os.ReadFile("/proc/net/route"); bytes.Count(routes, []byte("\n")) > 1 {
			break
		}
		time.Sleep(500 * time.Millisecond)
	}
	out, err := exec.CommandContext(ctx, "/bin/sh", runOnce).CombinedOutput()
	result := "exit status 0"
	if err != nil {
		result = err.Error()
	}
	if err := errors.Join(os.WriteFile(onceLog, out, 0o600), os.Remove(runOnce)); err != nil {
		say("SEED remark: %v", err)
	}
	say("SEED commands done, %s uptime=%s", result, uptime())
}

func list(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	slices.Sort(names)
	return names
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// uptime is in seconds, with the kernel's two decimals.
func uptime() string {
	text, _ := os.ReadFile("/proc/uptime")
	seconds, _, _ := strings.Cut(string(text), " ")
	return seconds
}

// capacity says how large the machine is, as the kernel sees it now.
func capacity() string {
	info, _ := os.ReadFile("/proc/meminfo")
	var total int
	_, _ = fmt.Sscanf(string(info), "MemTotal: %d kB", &total) // zero says enough
	stat, _ := os.ReadFile("/proc/stat")                       // "cpu …" for all, then "cpu0 …" for each that is online
	return fmt.Sprintf("cpus=%d memory=%dMiB", bytes.Count(stat, []byte("\ncpu")), total>>10)
}
