package fleet

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

func good() NewVM {
	image := uuid.New()
	return NewVM{Name: "web-1", VCPUs: 2, MemoryMiB: 512, Disks: []NewDisk{{ImageID: &image}}}
}

func TestNewVMCheck(t *testing.T) {
	fine := good()
	require.NoError(t, fine.Check())

	for name, c := range map[string]struct {
		spoil func(*NewVM)
		field string
	}{
		"no name":             {func(v *NewVM) { v.Name = "" }, "name"},
		"64 kB name":          {func(v *NewVM) { v.Name = strings.Repeat("a", 64<<10) }, "name"},
		"control characters":  {func(v *NewVM) { v.Name = "web\x00\x1b[31m" }, "name"},
		"newline at the end":  {func(v *NewVM) { v.Name = "web\n" }, "name"},
		"XML in the name":     {func(v *NewVM) { v.Name = "</name><devices/>" }, "name"},
		"path in the name":    {func(v *NewVM) { v.Name = "../../etc/passwd" }, "name"},
		"option as name":      {func(v *NewVM) { v.Name = "-oProxyCommand=id" }, "name"},
		"NUL in description":  {func(v *NewVM) { v.Description = "a\x00b" }, "description"},
		"not a character":     {func(v *NewVM) { v.Description = "a\uFFFEb" }, "description"},
		"invalid UTF-8":       {func(v *NewVM) { v.Description = "\xff" }, "description"},
		"long description":    {func(v *NewVM) { v.Description = strings.Repeat("ü", 1001) }, "description"},
		"no vCPU":             {func(v *NewVM) { v.VCPUs = 0 }, "vcpus"},
		"negative vCPUs":      {func(v *NewVM) { v.VCPUs = -1 }, "vcpus"},
		"too many vCPUs":      {func(v *NewVM) { v.VCPUs = 1 << 30 }, "vcpus"},
		"maximum below vCPUs": {func(v *NewVM) { v.VCPUsMax = 1 }, "vcpusMax"},
		"no memory":           {func(v *NewVM) { v.MemoryMiB = 0 }, "memoryMiB"},
		"memory overflows":    {func(v *NewVM) { v.MemoryMiB = 1 << 62 }, "memoryMiB"},
		"maximum below":       {func(v *NewVM) { v.MemoryMaxMiB = 256 }, "memoryMaxMiB"},
		"no disk":             {func(v *NewVM) { v.Disks = nil }, "disks"},
		"too many disks":      {func(v *NewVM) { v.Disks = make([]NewDisk, 1000) }, "disks"},
		"disk without size":   {func(v *NewVM) { v.Disks = []NewDisk{{}} }, "disks[0].capacityBytes"},
		"disk negative":       {func(v *NewVM) { v.Disks[0].CapacityBytes = -1 }, "disks[0].capacityBytes"},
		"disk huge":           {func(v *NewVM) { v.Disks[0].CapacityBytes = 1 << 62 }, "disks[0].capacityBytes"},
		"two sources":         {func(v *NewVM) { v.Disks[0].Volume = &drivers.VolumeRef{} }, "disks[0].volume"},
		"format":              {func(v *NewVM) { v.Disks[0].Format = "vmdk" }, "disks[0].format"},
		"pool is a path":      {func(v *NewVM) { v.Disks[0].Pool = "/etc" }, "disks[0].pool"},
		"multicast MAC":       {func(v *NewVM) { v.NICs = []drivers.NICRequest{{MAC: "ff:ff:ff:ff:ff:ff"}} }, "networks[0].mac"},
		"network is XML":      {func(v *NewVM) { v.NICs = []drivers.NICRequest{{Network: "'/><x"}} }, "networks[0].network"},
		"machine is XML":      {func(v *NewVM) { v.Machine = "q35'/>" }, "machineType"},
		"label":               {func(v *NewVM) { v.Tags = map[string]string{"a b": ""} }, "tags"},
		"YAML in host name":   {func(v *NewVM) { v.Seed = &drivers.Seed{Hostname: "a\nruncmd: [id]"} }, "cloudInit.hostname"},
		"YAML in user":        {func(v *NewVM) { v.Seed = &drivers.Seed{User: "a: b"} }, "cloudInit.user"},
		"two lines in a key":  {func(v *NewVM) { v.Seed = &drivers.Seed{SSHKeys: []string{"ssh-rsa A\nruncmd:"}} }, "cloudInit.sshKeys[0]"},
		"user data too large": {func(v *NewVM) { v.Seed = &drivers.Seed{UserData: strings.Repeat("#", 64<<10+1)} }, "cloudInit.userData"},
	} {
		t.Run(name, func(t *testing.T) {
			vm := good()
			c.spoil(&vm)
			err := vm.Check()
			require.Error(t, err)
			e := fault.Of(err)
			assert.Equal(t, fault.Invalid, e.Kind)
			assert.Equal(t, c.field, e.Field)
			assert.NotEmpty(t, e.Remedy)
			assert.Less(t, len(e.Message), 200, "a message repeats no more of the input than a line")
		})
	}
}

func TestCheckHost(t *testing.T) {
	for _, host := range []string{"kvm-01", "kvm-01.example.org", "198.51.100.11", "2001:db8::1"} {
		assert.NoError(t, CheckHost("host", host), host)
	}
	for _, host := range []string{
		"", "a b", "host?command=/bin/sh", "host/system", "user@host", "host:16514", "-oProxyCommand=id", "[::1]", "fe80::1%eth0",
		"host\n", "qemu+ext:///system", "%63ommand", "host;id", "host&id", "..", ".", strings.Repeat("a", 300), "a..b",
	} {
		assert.Error(t, CheckHost("host", host), host)
	}
}

func TestNewProviderCheck(t *testing.T) {
	pem := []byte("pem")
	for name, c := range map[string]struct {
		p     NewProvider
		field string
	}{
		"local":             {NewProvider{Name: "a", Transport: drivers.TransportLocal}, ""},
		"local with host":   {NewProvider{Name: "a", Transport: drivers.TransportLocal, Host: "b"}, "host"},
		"no transport":      {NewProvider{Name: "a"}, "transport"},
		"TLS without CA":    {NewProvider{Name: "a", Transport: drivers.TransportTLS, Host: "b"}, "credentials.caCertificate"},
		"TLS":               {NewProvider{Name: "a", Transport: drivers.TransportTLS, Host: "b", Secrets: drivers.Secrets{CACert: pem, ClientCert: pem, ClientKey: pem}}, ""},
		"SSH without user":  {NewProvider{Name: "a", Transport: drivers.TransportSSH, Host: "b"}, "user"},
		"SSH without a pin": {NewProvider{Name: "a", Transport: drivers.TransportSSH, Host: "b", User: "root", Secrets: drivers.Secrets{SSHKey: pem}}, "credentials.sshHostKey"},
		"port":              {NewProvider{Name: "a", Transport: drivers.TransportLocal, Port: 70000}, "port"},
	} {
		t.Run(name, func(t *testing.T) {
			c.p.Kind = drivers.KindLibvirt
			err := c.p.Check()
			if c.field == "" {
				assert.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.Equal(t, c.field, fault.Of(err).Field)
		})
	}
}

func FuzzCheckName(f *testing.F) {
	for _, s := range []string{"web-1", "", "\x00", "a/b", strings.Repeat("x", 64)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if CheckName("name", s) == nil && strings.ContainsAny(s, "/<>&'\"\x00\r\n :\\") {
			t.Fatalf("%q passed", s)
		}
	})
}

func FuzzParseCursor(f *testing.F) {
	f.Add("e1f.2")
	f.Add("e1f.-2")
	f.Add("e")
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := ParseCursor(s); err == nil && c.String() != s {
			t.Fatalf("%q reads as %q", s, c)
		}
	})
}
