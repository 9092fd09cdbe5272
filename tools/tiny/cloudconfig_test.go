//go:build linux

package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"reflect"
	"strings"
	"testing"
)

const key1, key2 = "ssh-ed25519 AAAA1 one", "ssh-ed25519 AAAA2 two"

func TestCloudConfig(t *testing.T) {
	for name, test := range map[string]struct {
		meta, user string
		want       seed
	}{
		"nothing": {},
		"meta-data": {
			meta: "instance-id: i-1\nlocal-hostname: web\npublic-keys:\n  mine: " + key1 + "\n",
			want: seed{instance: "i-1", hostname: "web", users: []user{{name: "root", keys: []string{key1}}}},
		},
		"the user's host name wins": {
			meta: "local-hostname: web",
			user: "#cloud-config\nhostname: db\nfqdn: other.example.org\n",
			want: seed{hostname: "db"},
		},
		"JSON is YAML": {
			user: `#cloud-config` + "\n" + `{"hostname":"web","ssh_authorized_keys":["` + key1 + `"],"runcmd":["true",["echo","it's"]]}`,
			want: seed{
				hostname: "web", users: []user{{name: "root", keys: []string{key1}}},
				run: []string{"true", `'echo' 'it'\''s'`},
			},
		},
		"users": {
			user: "#cloud-config\nusers:\n- default\n- name: alice\n  plain_text_passwd: x\n  ssh_authorized_keys: [" + key1 + ", " + key2 + "]\n",
			want: seed{users: []user{{name: "alice", keys: []string{key1, key2}, password: "x"}}},
		},
		"passwords": {
			user: "#cloud-config\npassword: a\nchpasswd:\n  list: |\n    bob:b\n",
			want: seed{users: []user{{name: "bob", password: "b"}, {name: "root", password: "a"}}},
		},
		"files": {
			user: "#cloud-config\nwrite_files:\n- {path: /a, content: aGk=, encoding: b64, permissions: '0600'}\n- {path: /b, content: x, append: true}\n",
			want: seed{files: []file{{path: "/a", content: []byte("hi"), mode: 0o600}, {path: "/b", content: []byte("x"), mode: 0o644, appends: true}}},
		},
		"a script": {
			user: "#!/bin/sh\necho hi\n",
			want: seed{
				files: []file{{path: "/var/lib/novacron/user-script-0", content: []byte("#!/bin/sh\necho hi\n"), mode: 0o700}},
				run:   []string{"/var/lib/novacron/user-script-0"},
			},
		},
		"compressed": {
			user: gzipped("#cloud-config\nhostname: web\n"),
			want: seed{hostname: "web"},
		},
		"several parts": {
			user: "Content-Type: multipart/mixed; boundary=\"==B\"\nMIME-Version: 1.0\n\n--==B\nContent-Type: text/cloud-config\n\nhostname: web\n" +
				"--==B\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte("#cloud-config\nruncmd: [ls]\n")) + "\n--==B--\n",
			want: seed{hostname: "web", run: []string{"ls"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := parseSeed([]byte(test.meta), []byte(test.user), nil)
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// What is wrong or unknown is said, and the rest still counts.
func TestRemarks(t *testing.T) {
	for user, want := range map[string]string{
		"#cloud-config\npackages: [nginx]\nhostname: web\n":               "packages: not supported",
		"#cloud-config\nusers: [{name: 'a;b'}]\nhostname: web\n":          `"a;b" is not a user name`,
		"#cloud-config\nwrite_files: [{path: rel}]\nhostname: web\n":      `"rel" is not an absolute path`,
		"#cloud-config\nwrite_files: [{path: /a, encoding: rot13}]\n":     `encoding "rot13"`,
		"#cloud-config\nhostname: [\n":                                    "user-data: yaml",
		"#include http://example.org/\n":                                  "neither #cloud-config nor #!",
		"#cloud-config\nruncmd: true\nhostname: web\n":                    "runcmd: yaml",
		"MIME-Version: 1.0\nContent-Type: multipart/mixed\n\nno boundary": "user-data: ",
	} {
		got := parseSeed(nil, []byte(user), nil)
		if len(got.remarks) != 1 || !strings.Contains(got.remarks[0], want) {
			t.Errorf("%q: remarks %q, want %q", user, got.remarks, want)
		}
		if strings.Contains(user, "hostname: web") && got.hostname != "web" {
			t.Errorf("%q: the host name was lost", user)
		}
	}
}

func TestNetwork(t *testing.T) {
	static := nic{
		name: "eth0", addresses: []string{"192.0.2.5/24"}, routes: []route{{"default", "192.0.2.1"}},
		resolvers: []string{"192.0.2.53"},
	}
	for name, test := range map[string]struct {
		config string
		want   []nic
	}{
		"nothing": {},
		"version 2": {
			config: "version: 2\nethernets:\n  eth0:\n    addresses: [192.0.2.5/24]\n    routes: [{to: 0.0.0.0/0, via: 192.0.2.1}]\n    nameservers: {addresses: [192.0.2.53]}\n",
			want:   []nic{static},
		},
		"version 2 in a wrapper, exact before pattern": {
			config: "network:\n  version: 2\n  ethernets:\n    all: {match: {name: 'e*'}, dhcp4: true}\n    one: {match: {macaddress: '52:54:00:AA:00:01'}, mtu: 1400}\n",
			want:   []nic{{mac: "52:54:00:aa:00:01", mtu: 1400}, {name: "e*", dhcp: true}},
		},
		"version 1": {
			config: "version: 1\nconfig:\n- {type: physical, name: eth0, subnets: [{type: static, address: 192.0.2.5, netmask: 255.255.255.0, gateway: 192.0.2.1}]}\n- {type: nameserver, address: [192.0.2.53]}\n",
			want:   []nic{static},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseNetwork([]byte(test.config))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestNICFor(t *testing.T) {
	all := []nic{{mac: "52:54:00:aa:00:01", mtu: 1400}, {name: "e*", mtu: 1300}}
	for _, test := range []struct {
		all       []nic
		name, mac string
		want      nic
	}{
		{all, "eth0", "52:54:00:AA:00:01", all[0]},
		{all, "eth1", "52:54:00:aa:00:02", all[1]},
		{all, "wlan0", "52:54:00:aa:00:03", nic{name: "wlan0", dhcp: true}},
		{nil, "eth0", "52:54:00:aa:00:01", nic{name: "eth0", dhcp: true}},
		{[]nic{{name: "enp1s0", mtu: 9000}}, "eth0", "52:54:00:aa:00:01", nic{name: "enp1s0", mtu: 9000}},
	} {
		if got := nicFor(test.all, test.name, test.mac); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s %s: got %+v, want %+v", test.name, test.mac, got, test.want)
		}
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}
