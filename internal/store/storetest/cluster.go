package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// serve runs Postgres and removes its folder afterwards. The shell gets the signal when the test
// process dies, however it dies.
const serve = `"$0/postgres" -D "$1/data" -k "$1" -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
	-c max_connections=400 -c shared_buffers=64MB -c autovacuum_naptime=5s >"$1/log" 2>&1 & p=$!
trap 'kill -QUIT $p' TERM INT
wait $p; wait $p
rm -rf "$1"`

// start makes a throwaway cluster that ends with this process, and gives the URL of its "postgres" database.
func start() (string, error) {
	bin, err := binaries()
	if err != nil {
		return "", err
	}
	// Short, because the path of a unix socket may have 107 bytes; outside of root's own folders,
	// because Postgres refuses to run as root.
	dir, err := os.MkdirTemp("/tmp", "nc-pg-")
	if err != nil {
		return "", err
	}
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	if os.Getuid() == 0 {
		if attr.Credential, err = unprivileged(); err != nil {
			return "", err
		}
		if err := os.Chown(dir, int(attr.Credential.Uid), int(attr.Credential.Gid)); err != nil {
			return "", err
		}
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "novacron", "-A", "trust", //nolint:noctx // once a process
		"-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
	initdb.Dir, initdb.SysProcAttr = dir, &syscall.SysProcAttr{Credential: attr.Credential}
	if out, err := initdb.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w: %s", err, out)
	}
	started := make(chan error)
	go hold(started, bin, dir, attr)
	if err := <-started; err != nil {
		return "", err
	}
	url := "postgres:///postgres?user=novacron&host=" + dir
	for range 400 {
		if execute(context.Background(), url, "SELECT 1") == nil {
			return url, nil
		}
		time.Sleep(25 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	return "", fmt.Errorf("postgres does not come up: %s", log)
}

// hold starts the server and keeps the thread: the kernel signals the child when the thread that
// made it ends, not the process.
func hold(started chan<- error, bin, dir string, attr *syscall.SysProcAttr) {
	runtime.LockOSThread()
	cmd := exec.Command("/bin/sh", "-c", serve, bin, dir) //nolint:noctx // it lasts as long as the process
	cmd.Dir, cmd.SysProcAttr = dir, attr
	started <- cmd.Start()
	select {}
}

// binaries finds the folder of Postgres's own programs.
func binaries() (string, error) {
	all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(all) > 0 {
		return filepath.Dir(all[len(all)-1]), nil
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	return "", errors.New("no Postgres here: install the package postgresql, or set NOVACRON_TEST_DATABASE_URL")
}

func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("neither postgres nor nobody is a user here, and Postgres refuses to run as root")
}
