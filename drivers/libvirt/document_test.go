package libvirt

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWithoutSecrets(t *testing.T) {
	doc := `<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <sysinfo type='fwcfg'><entry name='opt/com.coreos/config'>SECRET</entry></sysinfo>
  <sysinfo type='smbios'><oemStrings><entry>io.systemd.credential:a=SECRET</entry><entry>SECRET</entry></oemStrings><bios><entry name='vendor'>kept</entry></bios></sysinfo>
  <devices><disk type='network'><source protocol='https' name='a' query='token=SECRET'><cookies><cookie name='s'>SECRET</cookie></cookies></source></disk>
  <graphics type='vnc' port='5900' passwd='SECRET' passwdValidTo='2026-01-01T00:00:00'/></devices>
  <qemu:commandline><qemu:arg value='-object'/><qemu:arg value='secret,id=a,data=SECRET'/><qemu:env name='TOKEN' value='SECRET'/></qemu:commandline>
</domain>`
	got := withoutSecrets(doc)
	assert.NotContains(t, got, "SECRET")
	assert.Contains(t, got, "kept")
	assert.Contains(t, got, "passwd='(hidden)' passwdValidTo='2026-01-01T00:00:00'")
	assert.Contains(t, got, `<entry name='opt/com.coreos/config'>(hidden)</entry>`)
	plain := `<domain><name>a</name><metadata><x secret='no'/></metadata></domain>`
	assert.Equal(t, plain, withoutSecrets(plain))
}
