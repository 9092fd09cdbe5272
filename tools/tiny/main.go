//go:build linux

// Command tiny is the guest half of NovaCron Tiny, the demonstration guest that scripts/tiny-image
// builds. It stands where a distribution has cloud-init, growpart, udev and ifupdown, does the part
// of their work that shows whether a hypervisor keeps its promises, and says on the consoles what
// it saw.
//
//	tiny seed       read a NoCloud seed and apply it (once per instance, as cloud-init does)
//	tiny grow DISK  let partition 2 and the ext4 file system on it fill their disk
//	tiny watch      configure NICs, bring hot-plugged CPUs online, announce disks; never ends
//	tiny chpasswd   what the guest agent calls to set a password: "user:password" lines on stdin
package main

import (
	"context"
	"fmt"
	"os"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		say("ERROR %v", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var verb string
	if len(args) > 0 {
		verb = args[0]
	}
	switch verb {
	case "seed":
		return applySeed(ctx)
	case "grow":
		if len(args) != 2 {
			return fmt.Errorf("usage: tiny grow DISK")
		}
		return grow(args[1])
	case "watch":
		return watch(ctx)
	case "chpasswd":
		return changePasswords(ctx, os.Stdin, "/", len(args) > 1 && args[1] == "-e")
	default:
		return fmt.Errorf("usage: tiny seed | grow DISK | watch | chpasswd [-e]")
	}
}

// say prints one line on every console a person may be looking at: the serial port and the screen.
// /dev/console would reach only the last one named on the kernel's command line.
func say(format string, args ...any) {
	line := fmt.Sprintf(format, args...) + "\n"
	for _, tty := range []string{"/dev/ttyS0", "/dev/tty1"} {
		f, err := os.OpenFile(tty, os.O_WRONLY, 0)
		if err != nil {
			continue // this VM has no such console
		}
		_, _ = f.WriteString(line) // a console nobody reads is not worth failing for
		_ = f.Close()
	}
}
