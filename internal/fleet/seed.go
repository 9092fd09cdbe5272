package fleet

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/ssh"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// CheckSeed holds what a guest is told against the rules. cloud-init is silent about what it cannot read:
// the VM would be there and nobody could get into it.
func CheckSeed(field string, s *drivers.Seed) error {
	if s.Hostname != "" && (len(s.Hostname) > 253 || !hostPattern.MatchString(s.Hostname)) {
		return fault.Field(field+".hostname", "Use a DNS name.", "%s is no host name", quote(s.Hostname))
	}
	if s.User != "" && !userPattern.MatchString(s.User) {
		return fault.Field(field+".user", "Use 1 to 32 letters, digits, -, _ or ., beginning with a letter.", "%s is no login name", quote(s.User))
	}
	if len(s.SSHKeys) > MaxSSHKeys {
		return fault.Field(field+".sshKeys", fmt.Sprintf("Give at most %d.", MaxSSHKeys), "%d keys are too many", len(s.SSHKeys))
	}
	for i, k := range s.SSHKeys {
		if !isSSHKey(k) {
			return fault.Field(fmt.Sprintf("%s.sshKeys[%d]", field, i), "Give one line of authorized_keys, such as ssh-ed25519 AAAA… name.", "this is no public key")
		}
	}
	for at, text := range map[string]string{"userData": s.UserData, "networkConfig": s.NetworkConfig} {
		if len(text) > MaxUserDataBytes {
			return fault.Field(field+"."+at, "Use at most 64 KiB; let it fetch the rest.", "%d bytes are too many", len(text))
		}
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return fault.Field(field+"."+at, "Send it as UTF-8 text.", "this is no text")
		}
	}
	return first([]error{checkUserData(field+".userData", s.UserData), checkNetworkConfig(field+".networkConfig", s.NetworkConfig)})
}

func isSSHKey(line string) bool {
	if strings.ContainsAny(line, "\r\n\x00") || len(line) > 16<<10 {
		return false
	}
	_, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	return err == nil && len(rest) == 0
}

// userDataKinds are the first words by which cloud-init knows what it has.
var userDataKinds = []string{"#!", "#cloud-config", "#cloud-boothook", "#include", "#part-handler", "## template: jinja", "Content-Type:", "MIME-Version:"}

func checkUserData(field, text string) error {
	if text == "" {
		return nil
	}
	if !slices.ContainsFunc(userDataKinds, func(k string) bool { return strings.HasPrefix(text, k) }) {
		return fault.Field(field, "Begin with #cloud-config, or with #! for a script.", "cloud-init would ignore this: its first line does not say what it is")
	}
	if head, _, _ := strings.Cut(text, "\n"); strings.TrimSpace(head) != "#cloud-config" {
		return nil
	}
	var doc yaml.Node // a node: aliases are not expanded, so that a few bytes stay a few bytes
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return fault.Field(field, "Correct it; indentation and colons are the usual culprits.", "this is no YAML: %s", yamlSays(err))
	}
	if len(doc.Content) > 0 && doc.Content[0].Kind != yaml.MappingNode {
		return fault.Field(field, "Write key: value lines.", "a #cloud-config is a mapping, and this is none")
	}
	return nil
}

func checkNetworkConfig(field, text string) error {
	if text == "" {
		return nil
	}
	var doc struct {
		Version *int
		Network *struct{ Version *int }
	}
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return fault.Field(field, "Correct it, or leave it out for DHCP.", "this is no network configuration: %s", yamlSays(err))
	}
	version := doc.Version
	if doc.Network != nil {
		version = doc.Network.Version
	}
	if version == nil || *version != 1 && *version != 2 {
		return fault.Field(field, "Begin with version: 2, or leave it out for DHCP.", "cloud-init reads network configurations of version 1 and 2")
	}
	return nil
}

// yamlSays is the parser's first finding, without its own name.
func yamlSays(err error) string {
	text, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "yaml: "), "\n")
	return quote(text)
}
