//go:build linux

package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A seed is what a NoCloud data source asks of this guest, in the guest's own words.
type seed struct {
	instance string // a new one means: do the once-only part again
	hostname string
	users    []user
	files    []file
	boot     []string // shell lines, at every boot
	run      []string // shell lines, once per instance, when the network is up
	network  []nic
	remarks  []string // what was asked for and not understood; shown on the console
}

type user struct {
	name     string
	keys     []string // SSH public keys
	password string   // clear text, or a crypt(3) hash when it starts with "$"
}

type file struct {
	path    string
	content []byte
	mode    uint32
	appends bool
}

// administrator receives the keys and the password that name no user.
const administrator = "root"

// parseSeed reads the files of a seed. It takes what it can: a mistake in one place becomes a
// remark, because a guest that does not boot explains nothing.
func parseSeed(metaData, userData, networkConfig []byte) seed {
	var s seed
	s.parseMetaData(metaData)
	s.parseUserData(userData, "")
	nics, err := parseNetwork(networkConfig)
	if err != nil {
		s.remark("network-config: %v", err)
	}
	s.network = nics
	return s
}

func (s *seed) remark(format string, args ...any) {
	s.remarks = append(s.remarks, fmt.Sprintf(format, args...))
}

// user finds or adds a user.
func (s *seed) user(name string) *user {
	for i := range s.users {
		if s.users[i].name == name {
			return &s.users[i]
		}
	}
	s.users = append(s.users, user{name: name})
	return &s.users[len(s.users)-1]
}

func (s *seed) parseMetaData(data []byte) {
	var meta struct {
		InstanceID    string `yaml:"instance-id"`
		LocalHostname string `yaml:"local-hostname"`
		Hostname      string `yaml:"hostname"`
		PublicKeys    keys   `yaml:"public-keys"`
	}
	if err := yaml.Unmarshal(data, &meta); err != nil {
		s.remark("meta-data: %v", err)
	}
	s.instance = meta.InstanceID
	s.hostname = meta.LocalHostname
	if s.hostname == "" {
		s.hostname = meta.Hostname
	}
	if len(meta.PublicKeys) > 0 {
		admin := s.user(administrator)
		admin.keys = append(admin.keys, meta.PublicKeys...)
	}
}

// parseUserData looks at the first line, as cloud-init does: a cloud config, a script, or a MIME
// message with several of them; any of them may be compressed.
func (s *seed) parseUserData(data []byte, contentType string) {
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		unpacked, err := gunzip(data)
		if err != nil {
			s.remark("user-data: %v", err)
			return
		}
		data = unpacked
	}
	first, _, _ := strings.Cut(string(data), "\n")
	first = strings.TrimSpace(first)
	switch {
	case len(bytes.TrimSpace(data)) == 0:
	case contentType == "text/cloud-config", first == "#cloud-config":
		s.parseCloudConfig(data)
	case contentType == "text/x-shellscript", strings.HasPrefix(first, "#!"):
		s.addScript(data)
	case contentType == "" && isMIME(first):
		s.parseMIME(data)
	case contentType != "":
		s.remark("user-data: a part of type %s is not supported", contentType)
	default:
		s.remark("user-data: begins with %.40q, neither #cloud-config nor #!", first)
	}
}

func isMIME(firstLine string) bool {
	line := strings.ToLower(firstLine)
	return strings.HasPrefix(line, "content-type:") || strings.HasPrefix(line, "mime-version:")
}

func (s *seed) parseMIME(data []byte) {
	message, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		s.remark("user-data: %v", err)
		return
	}
	_, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		s.remark("user-data: %v", err)
		return
	}
	parts := multipart.NewReader(message.Body, params["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			s.remark("user-data: %v", err)
			return
		}
		var body io.Reader = part
		if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "base64") {
			body = base64.NewDecoder(base64.StdEncoding, part)
		}
		content, err := io.ReadAll(body)
		if err != nil {
			s.remark("user-data: %v", err)
			return
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if kind == "text/plain" {
			kind = "" // judged by its first line
		}
		s.parseUserData(content, kind)
	}
}

// addScript keeps a user script as a file and runs it once.
func (s *seed) addScript(script []byte) {
	path := fmt.Sprintf("/var/lib/novacron/user-script-%d", len(s.files))
	s.files = append(s.files, file{path: path, content: script, mode: 0o700})
	s.run = append(s.run, path)
}

func (s *seed) parseCloudConfig(data []byte) {
	var all map[string]yaml.Node
	if err := yaml.Unmarshal(data, &all); err != nil {
		s.remark("user-data: %v", err)
		return
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names) // remarks come in the same order each time
	for _, name := range names {
		value := all[name]
		if err := s.parseKey(name, &value); err != nil {
			s.remark("%s: %v", name, err)
		}
	}
}

func (s *seed) parseKey(name string, value *yaml.Node) error {
	switch name {
	case "hostname":
		return value.Decode(&s.hostname)
	case "fqdn":
		var fqdn string
		if err := value.Decode(&fqdn); err != nil {
			return err
		}
		if s.hostname == "" {
			s.hostname, _, _ = strings.Cut(fqdn, ".")
		}
		return nil
	case "ssh_authorized_keys":
		var list keys
		if err := value.Decode(&list); err != nil {
			return err
		}
		admin := s.user(administrator)
		admin.keys = append(admin.keys, list...)
		return nil
	case "password":
		return value.Decode(&s.user(administrator).password)
	case "chpasswd":
		return s.parseChpasswd(value)
	case "users":
		return s.parseUsers(value)
	case "write_files":
		return s.parseFiles(value)
	case "bootcmd":
		return parseCommands(value, &s.boot)
	case "runcmd":
		return parseCommands(value, &s.run)
	case "growpart", "resize_rootfs", "manage_etc_hosts", "preserve_hostname", "ssh_pwauth",
		"disable_root", "package_update", "package_upgrade", "final_message", "output":
		return nil // done anyway, or without meaning here
	default:
		return errors.New("not supported by this guest, ignored")
	}
}

func (s *seed) parseChpasswd(value *yaml.Node) error {
	var v struct {
		List  yaml.Node `yaml:"list"`
		Users []struct {
			Name     string `yaml:"name"`
			Password string `yaml:"password"`
		} `yaml:"users"`
	}
	if err := value.Decode(&v); err != nil {
		return err
	}
	for _, u := range v.Users {
		s.user(u.Name).password = u.Password
	}
	var lines []string
	switch v.List.Kind {
	case yaml.ScalarNode:
		lines = strings.Fields(v.List.Value)
	case yaml.SequenceNode:
		if err := v.List.Decode(&lines); err != nil {
			return err
		}
	default: // absent
	}
	for _, line := range lines {
		if name, password, ok := strings.Cut(line, ":"); ok {
			s.user(name).password = password
		}
	}
	return nil
}

func (s *seed) parseUsers(value *yaml.Node) error {
	var list []yaml.Node
	if err := value.Decode(&list); err != nil {
		return err
	}
	for _, item := range list {
		if item.Kind == yaml.ScalarNode {
			if item.Value != "default" { // the administrator is always there
				s.user(item.Value)
			}
			continue
		}
		var v struct {
			Name        string `yaml:"name"`
			Keys        keys   `yaml:"ssh_authorized_keys"`
			Passwd      string `yaml:"passwd"`
			HashedPass  string `yaml:"hashed_passwd"`
			PlainPasswd string `yaml:"plain_text_passwd"`
		}
		if err := item.Decode(&v); err != nil {
			return err
		}
		if !validUserName(v.Name) {
			return fmt.Errorf("%q is not a user name", v.Name)
		}
		u := s.user(v.Name)
		u.keys = append(u.keys, v.Keys...)
		for _, password := range []string{v.Passwd, v.HashedPass, v.PlainPasswd} {
			if password != "" {
				u.password = password
			}
		}
	}
	return nil
}

func validUserName(name string) bool {
	if name == "" || len(name) > 32 || name[0] == '-' {
		return false
	}
	for _, r := range name {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789_-", r) {
			return false
		}
	}
	return true
}

func (s *seed) parseFiles(value *yaml.Node) error {
	var list []struct {
		Path        string `yaml:"path"`
		Content     string `yaml:"content"`
		Encoding    string `yaml:"encoding"`
		Permissions string `yaml:"permissions"`
		Append      bool   `yaml:"append"`
	}
	if err := value.Decode(&list); err != nil {
		return err
	}
	for _, v := range list {
		if !strings.HasPrefix(v.Path, "/") {
			return fmt.Errorf("%q is not an absolute path", v.Path)
		}
		content, err := decodeContent(v.Content, v.Encoding)
		if err != nil {
			return fmt.Errorf("%s: %w", v.Path, err)
		}
		mode := uint64(0o644)
		if v.Permissions != "" {
			if mode, err = strconv.ParseUint(strings.TrimPrefix(v.Permissions, "0o"), 8, 12); err != nil {
				return fmt.Errorf("%s: permissions: %w", v.Path, err)
			}
		}
		s.files = append(s.files, file{path: v.Path, content: content, mode: uint32(mode), appends: v.Append})
	}
	return nil
}

func decodeContent(content, encoding string) ([]byte, error) {
	switch encoding {
	case "", "text/plain":
		return []byte(content), nil
	case "b64", "base64":
		return base64.StdEncoding.DecodeString(content)
	case "gz+b64", "gz+base64", "gzip+b64", "gzip+base64":
		packed, err := base64.StdEncoding.DecodeString(content)
		if err != nil {
			return nil, err
		}
		return gunzip(packed)
	default:
		return nil, fmt.Errorf("encoding %q is not supported", encoding)
	}
}

// gunzip refuses to grow beyond what a guest of a few hundred MiB can hold.
func gunzip(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, 16*mib))
}

// parseCommands turns "runcmd" items into shell lines: a string is one already, a list is a program
// with its arguments.
func parseCommands(value *yaml.Node, into *[]string) error {
	var list []yaml.Node
	if err := value.Decode(&list); err != nil {
		return err
	}
	for _, item := range list {
		if item.Kind == yaml.ScalarNode {
			*into = append(*into, item.Value)
			continue
		}
		var words []string
		if err := item.Decode(&words); err != nil {
			return err
		}
		for i, word := range words {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		*into = append(*into, strings.Join(words, " "))
	}
	return nil
}

// keys are SSH public keys in any form cloud-init accepts: one string of lines, a list, or a map.
type keys []string

func (k *keys) UnmarshalYAML(value *yaml.Node) error {
	switch value.Kind {
	case yaml.ScalarNode:
		lines := bufio.NewScanner(strings.NewReader(value.Value))
		for lines.Scan() {
			if line := strings.TrimSpace(lines.Text()); line != "" {
				*k = append(*k, line)
			}
		}
		return lines.Err()
	case yaml.MappingNode:
		var byName map[string]keys
		if err := value.Decode(&byName); err != nil {
			return err
		}
		for _, list := range byName {
			*k = append(*k, list...)
		}
		slices.Sort(*k)
		return nil
	default:
		var list []string
		if err := value.Decode(&list); err != nil {
			return err
		}
		*k = append(*k, list...)
		return nil
	}
}
