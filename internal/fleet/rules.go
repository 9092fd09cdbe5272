package fleet

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// The bounds of what may be asked for. A provider's own limits come on top.
const (
	MaxVCPUs         = 255
	MinMemoryMiB     = 16
	MaxMemoryMiB     = 16 << 20 // 16 TiB
	MinDiskBytes     = 1 << 20
	MaxDiskBytes     = 64 << 40
	MaxDisks         = 24
	MaxNICs          = 8
	MaxTags          = 50
	MaxDescription   = 1000
	MaxUserDataBytes = 64 << 10
	MaxSSHKeys       = 50
)

var (
	namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	tagPattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$`)
	hostPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?$`)
	userPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9._-]{0,31}$`)
	// machine types, networks and pools are looked up at the provider; this keeps out what no provider calls anything
	wordPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,62}$`)
)

const nameRemedy = "Use 1 to 63 letters, digits, -, _ or ., beginning with a letter or digit."

// CheckName is the rule for names that people give to VMs, snapshots, images, hosts and tokens.
func CheckName(field, name string) error {
	if !namePattern.MatchString(name) {
		return fault.Field(field, nameRemedy, "%s is no name", quote(name))
	}
	return nil
}

// CheckText is the rule for free text.
func CheckText(field, text string, limit int) error {
	switch {
	case !utf8.ValidString(text):
		return fault.Field(field, "Send it as UTF-8.", "the text is not UTF-8")
	case utf8.RuneCountInString(text) > limit:
		return fault.Field(field, fmt.Sprintf("Use at most %d characters.", limit), "the text has %d characters", utf8.RuneCountInString(text))
	}
	if i := strings.IndexFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF
	}); i >= 0 {
		return fault.Field(field, "Remove it.", "the text has a control character at byte %d", i)
	}
	return nil
}

// CheckTags is the rule for labels.
func CheckTags(field string, tags map[string]string) error {
	if len(tags) > MaxTags {
		return fault.Field(field, fmt.Sprintf("Use at most %d.", MaxTags), "%d labels are too many", len(tags))
	}
	for k, v := range tags {
		if !tagPattern.MatchString(k) {
			return fault.Field(field, "Use 1 to 63 letters, digits, -, _, . or /, beginning with a letter or digit.", "%s is no label", quote(k))
		}
		if err := CheckText(field+"."+k, v, 255); err != nil {
			return err
		}
	}
	return nil
}

// CheckHost is the rule for the address of a provider: a DNS name or an IP address and nothing else.
// It is also what keeps options and paths out of the URI that we build.
func CheckHost(field, host string) error {
	if _, err := netip.ParseAddr(host); err == nil && !strings.Contains(host, "%") {
		return nil
	}
	if len(host) > 253 || !hostPattern.MatchString(host) {
		return fault.Field(field, "Give a DNS name or an IP address alone: no scheme, port, user or path.", "%s is no host", quote(host))
	}
	return nil
}

// Check holds a new VM against the rules that need no look at the provider.
func (n *NewVM) Check() error {
	checks := []error{
		CheckName("name", n.Name),
		CheckText("description", n.Description, MaxDescription),
		CheckTags("tags", n.Tags),
		checkVCPUs("vcpus", n.VCPUs, 1),
		checkMemory("memoryMiB", n.MemoryMiB),
		checkWord("machineType", n.Machine),
	}
	if n.VCPUsMax != 0 {
		checks = append(checks, checkVCPUs("vcpusMax", n.VCPUsMax, n.VCPUs))
	}
	if n.MemoryMaxMiB != 0 {
		checks = append(checks, checkMemory("memoryMaxMiB", n.MemoryMaxMiB))
		if n.MemoryMaxMiB < n.MemoryMiB {
			checks = append(checks, fault.Field("memoryMaxMiB", "Make it at least memoryMiB.", "%d MiB is less than the memory itself", n.MemoryMaxMiB))
		}
	}
	if len(n.Disks) == 0 {
		checks = append(checks, fault.Field("disks", "Give at least the disk that it boots from.", "a VM without a disk cannot boot"))
	}
	if len(n.Disks) > MaxDisks {
		checks = append(checks, fault.Field("disks", fmt.Sprintf("Give at most %d.", MaxDisks), "%d disks are too many", len(n.Disks)))
	}
	for i, d := range n.Disks {
		checks = append(checks, d.Check(fmt.Sprintf("disks[%d]", i)))
	}
	if len(n.NICs) > MaxNICs {
		checks = append(checks, fault.Field("networks", fmt.Sprintf("Give at most %d.", MaxNICs), "%d NICs are too many", len(n.NICs)))
	}
	for i, c := range n.NICs {
		checks = append(checks, CheckNIC(fmt.Sprintf("networks[%d]", i), c))
	}
	if n.Seed != nil {
		checks = append(checks, CheckSeed("cloudInit", n.Seed))
	}
	return first(checks)
}

// Check holds a new disk against the rules.
func (d NewDisk) Check(field string) error {
	if d.ImageID != nil && d.Volume != nil {
		return fault.Field(field+".volume", "Leave out one of the two.", "a disk is made from an image or is a volume, not both")
	}
	if d.CapacityBytes != 0 && (d.CapacityBytes < MinDiskBytes || d.CapacityBytes > MaxDiskBytes) {
		return fault.Field(field+".capacityBytes", "Use 1 MiB to 64 TiB.", "%d bytes is no size for a disk", d.CapacityBytes)
	}
	if d.CapacityBytes == 0 && d.ImageID == nil && d.Volume == nil && !d.CDROM {
		return fault.Field(field+".capacityBytes", "Say how large it shall be.", "an empty disk needs a size")
	}
	return first([]error{
		oneOf(field+".format", d.Format, "", "qcow2", "raw"),
		oneOf(field+".bus", d.Bus, "", "virtio", "scsi", "sata"),
		checkWord(field+".pool", d.Pool),
		checkVolume(field+".volume", d.Volume),
	})
}

// CheckNIC holds a new NIC against the rules.
func CheckNIC(field string, n drivers.NICRequest) error {
	if n.MAC != "" {
		if hw, err := net.ParseMAC(n.MAC); err != nil || len(hw) != 6 || hw[0]&1 != 0 {
			return fault.Field(field+".mac", "Give six bytes such as 52:54:00:12:34:56, or leave it out.", "%s is no hardware address of a NIC", quote(n.MAC))
		}
	}
	return first([]error{
		oneOf(field+".type", n.Type, "", "network", "bridge", "user"),
		oneOf(field+".model", n.Model, "", "virtio", "e1000", "e1000e", "rtl8139"),
		checkWord(field+".network", n.Network),
	})
}

// Check holds a change against the rules that need no look at the VM.
func (c *VMChange) Check() error {
	var checks []error
	if v := c.Resize.VCPUs; v != nil {
		checks = append(checks, checkVCPUs("vcpus", *v, 1))
	}
	if v := c.Resize.VCPUsMax; v != nil {
		checks = append(checks, checkVCPUs("vcpusMax", *v, 1))
	}
	if v := c.Resize.MemoryMiB; v != nil {
		checks = append(checks, checkMemory("memoryMiB", *v))
	}
	if v := c.Resize.MemoryMax; v != nil {
		checks = append(checks, checkMemory("memoryMaxMiB", *v))
	}
	for name, size := range c.Resize.Disks {
		if size < MinDiskBytes || size > MaxDiskBytes {
			checks = append(checks, fault.Field("disks."+name, "Use 1 MiB to 64 TiB.", "%d bytes is no size for a disk", size))
		}
	}
	if c.Description != nil {
		checks = append(checks, CheckText("description", *c.Description, MaxDescription))
	}
	if c.Tags != nil {
		checks = append(checks, CheckTags("tags", *c.Tags))
	}
	return first(checks)
}

// Check holds a new connection against the rules.
func (n *NewProvider) Check() error {
	if err := CheckName("name", n.Name); err != nil {
		return err
	}
	if n.Port < 0 || n.Port > 65535 {
		return fault.Field("port", "Use 1 to 65535, or leave it out.", "%d is no port", n.Port)
	}
	if n.Kind != drivers.KindLibvirt {
		return nil
	}
	missing := func(field, what string) error {
		return fault.Field(field, "Give "+what+".", "a connection by %s needs %s", n.Transport, what)
	}
	switch n.Transport {
	case drivers.TransportLocal:
		if n.Host != "" {
			return fault.Field("host", "Leave it out, or choose TLS or SSH.", "a local connection has no host")
		}
		return nil
	case drivers.TransportTLS:
		for _, s := range []struct {
			field, what string
			value       []byte
		}{
			{"credentials.caCertificate", "the certificate of the authority that signed the host's", n.Secrets.CACert},
			{"credentials.clientCertificate", "a client certificate", n.Secrets.ClientCert},
			{"credentials.clientKey", "the client certificate's key", n.Secrets.ClientKey},
		} {
			if len(s.value) == 0 {
				return missing(s.field, s.what)
			}
		}
	case drivers.TransportSSH:
		if !userPattern.MatchString(n.User) {
			return fault.Field("user", "Give the login name at the host.", "%s is no login name", quote(n.User))
		}
		if len(n.Secrets.SSHKey) == 0 {
			return missing("credentials.sshKey", "a private key")
		}
		if len(n.Secrets.SSHHostKey) == 0 {
			return missing("credentials.sshHostKey", "the host's public key")
		}
	default:
		return fault.Field("transport", "Choose LOCAL, TLS or SSH.", "a libvirt connection needs a transport")
	}
	return CheckHost("host", n.Host)
}

func checkVCPUs(field string, v, least int) error {
	if v < least || v > MaxVCPUs {
		return fault.Field(field, fmt.Sprintf("Use %d to %d.", least, MaxVCPUs), "%d is out of range", v)
	}
	return nil
}

func checkMemory(field string, mib int64) error {
	if mib < MinMemoryMiB || mib > MaxMemoryMiB {
		return fault.Field(field, fmt.Sprintf("Use %d to %d MiB.", MinMemoryMiB, MaxMemoryMiB), "%d MiB is out of range", mib)
	}
	return nil
}

func checkWord(field, word string) error {
	if word != "" && !wordPattern.MatchString(word) {
		return fault.Field(field, "Use its name as the host knows it.", "%s is no such name", quote(word))
	}
	return nil
}

// checkVolume keeps out what a file in a pool cannot be called, and what QEMU could take for a protocol.
func checkVolume(field string, v *drivers.VolumeRef) error {
	if v == nil {
		return nil
	}
	if n := v.Volume; n == "" || len(n) > 255 || n[0] == '.' || n[0] == '-' || strings.ContainsAny(n, `/:\`) || strings.ContainsFunc(n, unicode.IsControl) || !utf8.ValidString(n) {
		return fault.Field(field+".name", "Use the volume's name as its pool lists it.", "%s is no name of a volume", quote(n))
	}
	return checkWord(field+".pool", v.Pool)
}

func oneOf(field, value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return fault.Field(field, "Use one of "+strings.Trim(strings.Join(allowed, ", "), ", ")+".", "%s is none of them", quote(value))
}

// first gives the first error, so that a form can be mended from the top.
func first(checks []error) error {
	for _, err := range checks {
		if err != nil {
			return err
		}
	}
	return nil
}

// quote shows a user's own text in a message: printable, and not longer than a line.
func quote(s string) string {
	const most = 40
	if len(s) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		return fmt.Sprintf("%q… (%d bytes)", s[:cut], len(s))
	}
	return fmt.Sprintf("%q", s)
}
