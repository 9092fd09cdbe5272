//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAddUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("gives files to other users")
	}
	root := t.TempDir()
	for path, text := range map[string]string{
		"passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
		"group":  "root:x:0:\n",
		"shadow": "root:*:19000:0:99999:7:::\n",
	} {
		if err := writeFile(root, file{path: "/etc/" + path, content: []byte(text), mode: 0o600}); err != nil {
			t.Fatal(err)
		}
	}
	alice := user{name: "alice", keys: []string{"ssh-ed25519 AAAA one"}, password: "$6$salt$hash"}
	for range 2 { // a second time changes nothing
		if err := addUser(t.Context(), root, alice); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		"etc/passwd":                      "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\nalice:x:1000:1000::/home/alice:/bin/sh\n",
		"etc/shadow":                      "root:*:19000:0:99999:7:::\nalice:$6$salt$hash:19000:0:99999:7:::\n",
		"home/alice/.ssh/authorized_keys": "ssh-ed25519 AAAA one\n",
	} {
		got, err := os.ReadFile(filepath.Join(root, path))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %q %v, want %q", path, got, err, want)
		}
	}
	if err := changePasswords(t.Context(), strings.NewReader("bob:x\n"), root, true); err == nil {
		t.Error("a password for a user that does not exist was taken")
	}
}

func TestParseUevent(t *testing.T) {
	e := parseUevent([]byte("add@/devices/x/net/eth1\x00ACTION=add\x00DEVPATH=/devices/x/net/eth1\x00SUBSYSTEM=net\x00"))
	if e["ACTION"] != "add" || e["SUBSYSTEM"] != "net" || e["DEVPATH"] != "/devices/x/net/eth1" {
		t.Errorf("got %v", e)
	}
}
