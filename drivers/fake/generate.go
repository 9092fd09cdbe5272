package fake

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"io"
	"strconv"
	"strings"

	"github.com/novacron/novacron/drivers"
)

// What the first VMs are made of. Repeated entries are more frequent.
var (
	roles    = [...]string{"web", "api", "db", "cache", "queue", "build", "mail", "git", "vpn", "dns", "proxy", "monitor", "backup", "search", "auth", "billing", "shop", "report", "worker", "desktop"}
	stages   = [...]string{"prod", "prod", "prod", "staging", "test", "dev", "dev"}
	cpus     = [...]int{1, 1, 2, 2, 2, 4, 4, 8, 16}
	networks = [...]string{"default", "default", "lan", "dmz"}
)

// dice is a small repeatable source of numbers (splitmix64): one VM needs about twenty, and
// math/rand's generators cost more to seed than that.
type dice uint64

func (d *dice) roll(n int) int { return int(d.next() % uint64(n)) }

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

func hash(seed uint64, words ...string) uint64 {
	h := fnv.New64a()
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], seed)
	h.Write(b[:])
	for _, w := range words {
		_, _ = io.WriteString(h, w)
		h.Write(b[:1])
	}
	return h.Sum64()
}

// A first VM's ref is a UUID whose first four bytes are its number, scrambled by an odd factor, and
// whose rest is a check. So it is found without an index. Created VMs have the first bit set.
const (
	scramble   = 0x2c1b3c6d
	unscramble = 0x64ea2d65 // scramble * unscramble = 1 (mod 2^31)
	low31      = 1<<31 - 1
)

func (h *host) refOf(i int) drivers.Ref {
	return uuid(uint32(i)*scramble&low31, hash(h.seed, "ref", strconv.Itoa(i)))
}

func (h *host) indexOf(ref drivers.Ref) (int, bool) {
	if len(ref) != 36 {
		return 0, false
	}
	first, err := strconv.ParseUint(string(ref[:8]), 16, 32)
	if err != nil || first > low31 {
		return 0, false
	}
	i := int(uint32(first) * unscramble & low31)
	return i, i < h.count && h.refOf(i) == ref
}

func uuid(first uint32, rest uint64) drivers.Ref {
	var b [16]byte
	binary.BigEndian.PutUint32(b[0:], first)
	binary.BigEndian.PutUint64(b[4:], rest)
	binary.BigEndian.PutUint32(b[12:], uint32(rest*0x9e3779b1>>7))
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:], b[10:])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return drivers.Ref(s[:])
}

// numberOf tells which of the first VMs has this name: names end in the number, counted from 1.
func (h *host) numberOf(name string) (int, bool) {
	n, err := strconv.Atoi(name[strings.LastIndexByte(name, '-')+1:])
	if err != nil || n < 1 || n > h.count {
		return 0, false
	}
	d := h.dice(n - 1)
	return n - 1, firstName(&d, n-1) == name
}

func (h *host) dice(i int) dice { return dice(h.seed + uint64(i)*0xd1342543de82ef95) }

func firstName(d *dice, i int) string {
	number := strconv.Itoa(i + 1)
	if i < 9 {
		number = "0" + number
	}
	return roles[d.roll(len(roles))] + "-" + stages[d.roll(len(stages))] + "-" + number
}

// first makes the i-th of the first VMs as it was at the beginning.
func (h *host) first(i int, brief bool) drivers.VM {
	d := h.dice(i)
	v := drivers.VM{Ref: h.refOf(i), Name: firstName(&d, i)}
	switch n := d.roll(100); {
	case n < 72:
		v.State, v.StateReason = drivers.StateRunning, "booted"
	case n < 92:
		v.State, v.StateReason = drivers.StateStopped, "shut down"
	case n < 95:
		v.State, v.StateReason = drivers.StatePaused, "by user"
	case n < 98:
		v.State, v.StateReason = drivers.StateSuspended, "saved"
	default:
		v.State, v.StateReason = drivers.StateError, "crashed"
	}
	v.ProviderState = word(v.State)
	if brief {
		return v
	}
	if h.nodes > 1 {
		v.Node = h.nodeName(d.roll(h.nodes))
	}
	v.VCPUs = cpus[d.roll(len(cpus))]
	v.VCPUsMax = v.VCPUs << d.roll(3)
	v.MemoryMiB = int64(v.VCPUs) << (10 + d.roll(3))
	v.MemoryMax = v.MemoryMiB << d.roll(2)
	v.MemoryWanted = v.MemoryMiB
	v.Autostart = d.roll(3) > 0
	dress(&v)
	image := images[d.roll(len(images))]
	n := 1 + d.roll(6)/4
	v.Disks = make([]drivers.Disk, n)
	for k := range v.Disks {
		size := int64(10+10*d.roll(8)) << 30
		v.Disks[k] = drivers.Disk{
			Name: diskName("virtio", k), Device: "disk", Bus: "virtio", Format: "qcow2",
			Pool: vmPool, Volume: v.Name + "-" + strconv.Itoa(k) + ".qcow2",
			CapacityBytes: size, UsedBytes: size / 100 * int64(5+d.roll(70)),
		}
		v.Disks[k].Path = poolPath(vmPool) + v.Disks[k].Volume
	}
	v.Disks[0].Backing = poolPath(imagePool) + image.name
	v.NICs = make([]drivers.NIC, 1+d.roll(5)/4)
	for k := range v.NICs {
		v.NICs[k] = drivers.NIC{MAC: mac(h.seed + uint64(2*i+k)*0x9e3779), Type: "network", Network: networks[d.roll(len(networks))], Model: "virtio", LinkUp: true}
	}
	return v
}

// dress fills in what all our VMs have in common.
func dress(v *drivers.VM) {
	v.Architecture, v.Machine = "x86_64", "pc-q35-9.0"
	if v.Firmware == "" {
		v.Firmware = drivers.FirmwareBIOS
	}
	if v.Accelerator == "" || v.Accelerator == drivers.AcceleratorAuto {
		v.Accelerator = drivers.AcceleratorKVM
	}
	v.SerialConsole, v.VNC = true, true
	v.GuestAgent = v.State == drivers.StateRunning && !strings.Contains(v.Name, "no-agent")
}

func mac(n uint64) string {
	const digits = "0123456789abcdef"
	b := []byte("52:54:00:00:00:00")
	for i := 9; i < len(b); i += 3 {
		b[i], b[i+1] = digits[n>>4&15], digits[n&15]
		n >>= 8
	}
	return string(b)
}

// diskName is the guest's name for the k-th disk of a bus.
func diskName(bus string, k int) string {
	switch letter := string(rune('a' + k)); bus {
	case "virtio":
		return "vd" + letter
	case "scsi", "sata", "usb":
		return "sd" + letter
	case "ide":
		return "hd" + letter
	}
	return ""
}

// word is the provider's own word for a state: libvirt's, which operators know.
func word(s drivers.State) string {
	switch s {
	case drivers.StateRunning, drivers.StatePaused:
		return strings.ToLower(string(s))
	case drivers.StateStopped:
		return "shut off"
	case drivers.StateSuspended:
		return "shut off (saved)"
	case drivers.StateError:
		return "crashed"
	case drivers.StateStopping:
		return "in shutdown"
	default:
		return strings.ToLower(string(s))
	}
}

// address is a guest's IPv4 address in its network's range.
func address(id uint64, network string) string {
	second := map[string]int{"default": 20, "dmz": 30}[network]
	if second == 0 {
		second = 40
	}
	return fmt.Sprintf("10.%d.%d.%d", second, byte(id), 2+id>>8%250)
}
