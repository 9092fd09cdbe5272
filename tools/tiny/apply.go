//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	stateDir = "/var/lib/novacron"        // survives a reboot: what was done for which instance
	runOnce  = stateDir + "/run-once"     // shell script, removed when it has run
	seedCopy = "/run/novacron/seed"       // the seed's files, for `watch` and for a curious person
	onceLog  = "/var/log/user-script.log" // what the user's commands printed
)

// applySeed finds a NoCloud seed and does what it says. Name, network and boot commands count at
// every boot; users, files and commands once per instance id, so that a reboot does not undo what
// was changed since and a clone with a new seed becomes its own machine. No seed: nothing to do.
func applySeed(ctx context.Context) error {
	if device, fstype, found := findSeed(); found {
		if err := copySeed(device, fstype); err != nil {
			return fmt.Errorf("reading the seed on %s: %w", device, err)
		}
	} else {
		return nil
	}
	s := readSeed()
	for _, remark := range s.remarks {
		say("SEED remark: %s", remark)
	}
	if s.hostname != "" {
		if err := setHostname(s.hostname); err != nil {
			say("SEED remark: hostname: %v", err)
		}
	}
	if s.instance == "" {
		s.instance = "nocloud"
	}
	known, _ := os.ReadFile(stateDir + "/instance-id") // missing at the first boot
	if string(known) != s.instance+"\n" {
		if err := s.applyOnce(ctx, "/"); err != nil {
			return fmt.Errorf("applying the seed: %w", err)
		}
	}
	for _, line := range s.boot {
		if out, err := exec.CommandContext(ctx, "/bin/sh", "-c", line).CombinedOutput(); err != nil {
			say("SEED remark: bootcmd %q: %v %s", line, err, out)
		}
	}
	say("SEED instance=%s users=%d files=%d commands=%d", s.instance, len(s.users), len(s.files), len(s.run))
	return nil
}

// applyOnce does the part that belongs to a new instance. The id is written last: after a power cut
// in the middle the next boot does all of it again.
func (s *seed) applyOnce(ctx context.Context, root string) error {
	for _, u := range s.users {
		if err := addUser(ctx, root, u); err != nil {
			say("SEED remark: user %s: %v", u.name, err)
		}
	}
	for _, f := range s.files {
		if err := writeFile(root, f); err != nil {
			say("SEED remark: %v", err)
		}
	}
	if len(s.run) > 0 {
		script := "#!/bin/sh\n" + strings.Join(s.run, "\n") + "\n"
		if err := os.WriteFile(filepath.Join(root, runOnce), []byte(script), 0o700); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(root, stateDir, "instance-id"), []byte(s.instance+"\n"), 0o644)
}

// copySeed takes the files off the seed so that the device can be ejected at any time.
func copySeed(device, fstype string) error {
	const at = "/run/novacron/mnt"
	for _, dir := range []string{at, seedCopy} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if err := unix.Mount(device, at, fstype, unix.MS_RDONLY, ""); err != nil {
		return err
	}
	defer func() { _ = unix.Unmount(at, 0) }()
	for _, name := range []string{"meta-data", "user-data", "network-config"} {
		data, err := os.ReadFile(filepath.Join(at, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(seedCopy, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// readSeed parses what copySeed kept; absent files are empty ones.
func readSeed() seed {
	read := func(name string) []byte {
		data, _ := os.ReadFile(filepath.Join(seedCopy, name))
		return data
	}
	return parseSeed(read("meta-data"), read("user-data"), read("network-config"))
}

func setHostname(name string) error {
	name, _, _ = strings.Cut(name, ".")
	if err := unix.Sethostname([]byte(name)); err != nil {
		return err
	}
	hosts := "127.0.0.1 localhost\n127.0.1.1 " + name + "\n::1 localhost\n"
	return errors.Join(
		os.WriteFile("/etc/hostname", []byte(name+"\n"), 0o644),
		os.WriteFile("/etc/hosts", []byte(hosts), 0o644))
}

func writeFile(root string, f file) error {
	path := filepath.Join(root, f.path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if f.appends {
		flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	}
	out, err := os.OpenFile(path, flags, os.FileMode(f.mode))
	if err != nil {
		return err
	}
	_, err = out.Write(f.content)
	return errors.Join(err, out.Chmod(os.FileMode(f.mode)), out.Close())
}

// addUser makes sure that a user exists, with its keys and its password.
func addUser(ctx context.Context, root string, u user) error {
	uid, home, err := account(root, u.name)
	if err != nil {
		return err
	}
	if len(u.keys) > 0 {
		dir := filepath.Join(root, home, ".ssh")
		path := filepath.Join(dir, "authorized_keys")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(strings.Join(u.keys, "\n")+"\n"), 0o600); err != nil {
			return err
		}
		// The SSH server refuses keys that somebody else could have written.
		if err := errors.Join(os.Chown(dir, uid, uid), os.Chown(path, uid, uid)); err != nil {
			return err
		}
	}
	if u.password == "" {
		return nil
	}
	line := strings.NewReader(u.name + ":" + u.password + "\n")
	return changePasswords(ctx, line, root, strings.HasPrefix(u.password, "$"))
}

// account finds a user or adds it, and says its number and home.
func account(root, name string) (uid int, home string, err error) {
	passwd := filepath.Join(root, "etc/passwd")
	data, err := os.ReadFile(passwd)
	if err != nil {
		return 0, "", err
	}
	next := 1000
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) < 7 {
			continue
		}
		uid, err := strconv.Atoi(fields[2])
		if err != nil {
			continue
		}
		if fields[0] == name {
			return uid, fields[5], nil
		}
		if uid < 60000 { // "nobody" lives above
			next = max(next, uid+1)
		}
	}
	home = "/home/" + name
	entries := map[string]string{
		"etc/passwd": fmt.Sprintf("%s:x:%d:%d::%s:/bin/sh\n", name, next, next, home),
		"etc/group":  fmt.Sprintf("%s:x:%d:\n", name, next),
		"etc/shadow": fmt.Sprintf("%s:*:19000:0:99999:7:::\n", name),
	}
	for path, line := range entries {
		if err := writeFile(root, file{path: path, content: []byte(line), mode: modeOf(root, path), appends: true}); err != nil {
			return 0, "", err
		}
	}
	if err := os.MkdirAll(filepath.Join(root, home), 0o755); err != nil {
		return 0, "", err
	}
	return next, home, os.Chown(filepath.Join(root, home), next, next)
}

func modeOf(root, path string) uint32 {
	if info, err := os.Stat(filepath.Join(root, path)); err == nil {
		return uint32(info.Mode().Perm())
	}
	return 0o600
}

// changePasswords reads "user:password" lines, as chpasswd(8) does, and writes them to the shadow
// file; hashed says that the passwords are crypt(3) hashes already.
func changePasswords(ctx context.Context, lines io.Reader, root string, hashed bool) error {
	path := filepath.Join(root, "etc/shadow")
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	shadow := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	scan := bufio.NewScanner(lines)
	for scan.Scan() {
		name, password, ok := strings.Cut(scan.Text(), ":")
		if !ok {
			return errors.New("want lines of the form user:password")
		}
		at := slices.IndexFunc(shadow, func(line string) bool { return strings.HasPrefix(line, name+":") })
		if at < 0 {
			return fmt.Errorf("there is no user %q", name)
		}
		if !hashed {
			if password, err = hash(ctx, password); err != nil {
				return fmt.Errorf("hashing the password of %s: %w", name, err)
			}
		}
		fields := strings.Split(shadow[at], ":")
		fields[1] = password
		shadow[at] = strings.Join(fields, ":")
	}
	if err := scan.Err(); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(strings.Join(shadow, "\n")+"\n"), 0o600)
}

// hash leaves crypt(3) to busybox, and keeps the password off the process list.
func hash(ctx context.Context, password string) (string, error) {
	cmd := exec.CommandContext(ctx, "mkpasswd", "-m", "sha512", "-P", "0")
	cmd.Stdin = strings.NewReader(password + "\n")
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}
