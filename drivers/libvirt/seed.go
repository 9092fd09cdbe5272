package libvirt

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// makeSeed makes the cloud-init seed of a new VM and gives its path. The same token again makes the
// same seed in the same place.
func (d *Driver) makeSeed(ctx context.Context, token, pool, vmName string, s drivers.Seed) (string, error) {
	files, err := seedFiles(token, s)
	if err != nil {
		return "", err
	}
	image, err := isoImage(files)
	if err != nil {
		return "", err
	}
	return d.putSeed(ctx, pool, ownName(vmName, token, "seed")+".iso", image)
}

const (
	maxSeedText = 1 << 20 // cloud-init itself stops far below; EC2 allows 16 KiB
	maxSSHKeys  = 100
)

var (
	hostLabel = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	loginName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`) // useradd's own rule
)

// checkSeed refuses what cannot be meant. Encoding alone would already keep it harmless.
func checkSeed(s drivers.Seed) error {
	const hostRemedy = "Use letters, digits and hyphens, in labels of up to 63 characters joined by dots."
	if len(s.Hostname) > 253 {
		return fault.Field("seed.hostname", hostRemedy, "the host name has %d characters", len(s.Hostname))
	}
	if s.Hostname != "" {
		for _, l := range strings.Split(s.Hostname, ".") {
			if !hostLabel.MatchString(l) {
				return fault.Field("seed.hostname", hostRemedy, "that is not a host name")
			}
		}
	}
	if s.User != "" && !loginName.MatchString(s.User) {
		return fault.Field("seed.user", "Use up to 32 lower case letters, digits, hyphens and underscores, and begin with a letter.", "that is not a login name")
	}
	if len(s.SSHKeys) > maxSSHKeys {
		return fault.Field("seed.sshKeys", "Give fewer, or write them into the user data.", "there are %d SSH keys, more than %d", len(s.SSHKeys), maxSSHKeys)
	}
	for _, k := range s.SSHKeys {
		if err := checkSSHKey(k); err != nil {
			return err
		}
	}
	if len(s.UserData) > maxSeedText {
		return fault.Field("seed.userData", "Fetch the rest from the guest by #include.", "the user data has more than %d KiB", maxSeedText>>10)
	}
	if len(s.NetworkConfig) > maxSeedText {
		return fault.Field("seed.networkConfig", "Shorten it.", "the network configuration has more than %d KiB", maxSeedText>>10)
	}
	if !utf8.ValidString(s.NetworkConfig) || strings.ContainsRune(s.NetworkConfig, 0) {
		return fault.Field("seed.networkConfig", "Give cloud-init's network configuration, version 1 or 2, as YAML.", "the network configuration is not text")
	}
	return nil
}

// checkSSHKey accepts one line of an authorized_keys file.
func checkSSHKey(line string) error {
	wrong := fault.Field("seed.sshKeys", "Give one public key a line, as in id_ed25519.pub.", "that is not an SSH public key")
	if len(line) > 16<<10 || !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }) {
		return wrong
	}
	if strings.Contains(line, "PRIVATE KEY") {
		return wrong.With("That looks like a private key: keep it to yourself and give the .pub file.")
	}
	if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line)); err != nil {
		return wrong
	}
	return nil
}

// seedFiles are the files of a NoCloud seed. Everything of ours in them is JSON, which is YAML in
// which no value can become anything else.
func seedFiles(token string, s drivers.Seed) (map[string][]byte, error) {
	if err := checkSeed(s); err != nil {
		return nil, err
	}
	meta := map[string]any{"instance-id": "novacron-" + digest(token)}
	config := map[string]any{}
	if s.Hostname != "" {
		meta["local-hostname"] = s.Hostname
		host, _, qualified := strings.Cut(s.Hostname, ".")
		config["hostname"] = host
		if qualified {
			config["fqdn"] = s.Hostname
		}
	}
	if s.User != "" {
		user := map[string]any{"name": s.User, "shell": "/bin/bash", "sudo": "ALL=(ALL) NOPASSWD:ALL", "lock_passwd": true}
		if len(s.SSHKeys) > 0 {
			user["ssh_authorized_keys"] = s.SSHKeys
		}
		config["users"] = []any{user}
	}
	if len(s.SSHKeys) > 0 {
		meta["public-keys"] = s.SSHKeys // these go to the image's own user
		if s.User == "" {
			config["ssh_authorized_keys"] = s.SSHKeys
		}
	}
	files := map[string][]byte{}
	if s.UserData == "" {
		files["user-data"] = cloudConfig(config)
	} else {
		files["user-data"] = []byte(s.UserData)
		if len(config) > 0 {
			files["vendor-data"] = cloudConfig(config)
		}
	}
	b, err := json.MarshalIndent(meta, "", " ")
	if err != nil {
		return nil, err
	}
	files["meta-data"] = append(b, '\n')
	if s.NetworkConfig != "" {
		files["network-config"] = []byte(s.NetworkConfig)
	}
	return files, nil
}

// cloudConfig is a document that cloud-init recognises by its first line.
func cloudConfig(v map[string]any) []byte {
	b, _ := json.MarshalIndent(v, "", " ") // strings and lists of strings only
	return append(append([]byte("#cloud-config\n"), b...), '\n')
}
