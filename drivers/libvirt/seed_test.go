package libvirt

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem/iso9660"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

const goodKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGq0M1Zkq1C0mXn0nHkS0XzXxIG3Zp3sXw7l3Z8b1m2H alice@home"

func TestSeedFiles(t *testing.T) {
	files, err := seedFiles("op1", drivers.Seed{Hostname: "web1.example.org", User: "alice", SSHKeys: []string{goodKey}})
	require.NoError(t, err)
	assert.Equal(t, "#cloud-config\n", string(files["user-data"][:14]))
	var user, meta map[string]any
	require.NoError(t, yaml.Unmarshal(files["user-data"], &user))
	require.NoError(t, yaml.Unmarshal(files["meta-data"], &meta))
	assert.Equal(t, "web1", user["hostname"])
	assert.Equal(t, "web1.example.org", user["fqdn"])
	assert.Equal(t, []any{map[string]any{"name": "alice", "shell": "/bin/bash", "sudo": "ALL=(ALL) NOPASSWD:ALL", "lock_passwd": true, "ssh_authorized_keys": []any{goodKey}}}, user["users"])
	assert.Equal(t, "web1.example.org", meta["local-hostname"])
	assert.NotContains(t, files, "vendor-data")
	assert.NotContains(t, files, "network-config")

	again, _ := seedFiles("op1", drivers.Seed{Hostname: "web1.example.org", User: "alice", SSHKeys: []string{goodKey}})
	assert.Equal(t, files, again, "the same seed, the same bytes")
	other, _ := seedFiles("op2", drivers.Seed{})
	assert.NotEqual(t, files["meta-data"], other["meta-data"], "another VM, another instance-id")
}

func TestSeedVerbatim(t *testing.T) {
	const data, net = "#!/bin/sh\necho $((6*7))\n", "version: 2\nethernets: {}\n"
	files, err := seedFiles("op1", drivers.Seed{Hostname: "h", SSHKeys: []string{goodKey}, UserData: data, NetworkConfig: net})
	require.NoError(t, err)
	assert.Equal(t, data, string(files["user-data"]))
	assert.Equal(t, net, string(files["network-config"]))
	assert.Contains(t, string(files["vendor-data"]), goodKey)
	assert.Contains(t, string(files["meta-data"]), `"local-hostname": "h"`)
}

func TestSeedRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		seed  drivers.Seed
		field string
	}{
		"newline in host name": {drivers.Seed{Hostname: "a\nruncmd: [reboot]"}, "seed.hostname"},
		"YAML in host name":    {drivers.Seed{Hostname: "{a: b}"}, "seed.hostname"},
		"jinja in host name":   {drivers.Seed{Hostname: "{{ds}}"}, "seed.hostname"},
		"long host name":       {drivers.Seed{Hostname: strings.Repeat("a.", 127)}, "seed.hostname"},
		"64 kB host name":      {drivers.Seed{Hostname: strings.Repeat("a", 65536)}, "seed.hostname"},
		"newline in user":      {drivers.Seed{User: "a\nb"}, "seed.user"},
		"root: in user":        {drivers.Seed{User: "root:x"}, "seed.user"},
		"two keys in one":      {drivers.Seed{SSHKeys: []string{goodKey + "\n" + goodKey}}, "seed.sshKeys"},
		"no key":               {drivers.Seed{SSHKeys: []string{"hello"}}, "seed.sshKeys"},
		"private key":          {drivers.Seed{SSHKeys: []string{"-----BEGIN OPENSSH PRIVATE KEY-----"}}, "seed.sshKeys"},
		"NUL in network":       {drivers.Seed{NetworkConfig: "a\x00"}, "seed.networkConfig"},
		"huge user data":       {drivers.Seed{UserData: strings.Repeat("x", maxSeedText+1)}, "seed.userData"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := seedFiles("t", c.seed)
			require.Error(t, err)
			assert.Equal(t, fault.Invalid, fault.KindOf(err))
			assert.Equal(t, c.field, fault.Of(err).Field)
			assert.NotContains(t, err.Error(), "runcmd")
		})
	}
}

// TestISO reads our image with somebody else's reader, and with the kernel's where we may mount.
func TestISO(t *testing.T) {
	want := map[string][]byte{
		"user-data":      []byte(strings.Repeat("x", 5000)),
		"meta-data":      []byte("{}"),
		"network-config": []byte("version: 2\n"),
		"vendor-data":    {},
	}
	image, err := isoImage(want)
	require.NoError(t, err)
	again, _ := isoImage(want)
	assert.Equal(t, image, again, "the same seed, the same bytes")
	require.True(t, isISO(image))
	path := filepath.Join(t.TempDir(), "seed.iso")
	require.NoError(t, os.WriteFile(path, image, 0o600))

	b, err := file.OpenFromPath(path, true)
	require.NoError(t, err)
	defer func() { _ = b.Close() }()
	iso, err := iso9660.Read(b, int64(len(image)), 0, sector)
	require.NoError(t, err)
	assert.Equal(t, "cidata", strings.TrimRight(iso.Label(), " \x00"))
	entries, err := iso.ReadDir(".")
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	assert.ElementsMatch(t, []string{"meta-data", "network-config", "user-data", "vendor-data"}, names)
	for n, content := range want {
		got, err := fs.ReadFile(iso, n)
		require.NoError(t, err, n)
		assert.Equal(t, string(content), string(got), n)
	}

	for _, view := range []string{"", ",norock", ",norock,nojoliet"} {
		dir := t.TempDir()
		if out, err := exec.Command("mount", "-t", "iso9660", "-o", "loop,ro"+view, path, dir).CombinedOutput(); err != nil {
			t.Logf("not mounted: %s", out)
			return
		}
		seen, err := os.ReadDir(dir)
		var names []string
		for _, e := range seen {
			names = append(names, e.Name())
		}
		content, _ := os.ReadFile(filepath.Join(dir, "user-data"))
		require.NoError(t, exec.Command("umount", dir).Run())
		require.NoError(t, err)
		if view == ",norock,nojoliet" {
			assert.Equal(t, []string{"metadata", "networkc", "userdata", "vendorda"}, names)
			continue
		}
		assert.Equal(t, []string{"meta-data", "network-config", "user-data", "vendor-data"}, names, "mounted with%s", view)
		assert.Equal(t, want["user-data"], content)
	}
	if out, err := exec.Command("blkid", "-p", "-s", "LABEL", "-o", "value", path).Output(); err == nil {
		assert.Equal(t, "cidata\n", string(out))
	}
}

func FuzzSeed(f *testing.F) {
	f.Add("host", "alice", goodKey)
	f.Add("a\nb", "x: y", "ssh-rsa AAAA\n- evil")
	f.Fuzz(func(t *testing.T, host, user, key string) {
		files, err := seedFiles("t", drivers.Seed{Hostname: host, User: user, SSHKeys: []string{key}})
		if err != nil {
			return
		}
		var got struct {
			Users []struct {
				Name string
				Keys []string `yaml:"ssh_authorized_keys"`
			}
			Keys []string `yaml:"ssh_authorized_keys"`
		}
		if err := yaml.Unmarshal(files["user-data"], &got); err != nil {
			t.Fatal(err)
		}
		keys := got.Keys
		if user != "" {
			if len(got.Users) != 1 || got.Users[0].Name != user {
				t.Fatalf("user %q became %+v", user, got.Users)
			}
			keys = got.Users[0].Keys
		}
		if len(keys) != 1 || keys[0] != key {
			t.Fatalf("key %q became %q", key, keys)
		}
		if !json.Valid(files["meta-data"]) {
			t.Fatal("meta-data is no JSON")
		}
	})
}
