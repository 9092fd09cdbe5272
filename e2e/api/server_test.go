package api

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/store/storetest"
)

// server is the real one, in its own process, with a database of its own.
type server struct {
	binary, dir, address string
	env                  []string
	log                  *os.File

	cmd    *exec.Cmd
	exited chan struct{}
	tokens map[string]string
	given  []string // secrets that its commands have printed
}

// built is the folder of the server that was built here.
var built string

func TestMain(m *testing.M) {
	slog.SetLogLoggerLevel(slog.LevelError) // of the issuer: its library tells each route
	code := m.Run()
	_ = os.RemoveAll(built)
	os.Exit(code)
}

// binary builds the server once, or takes the one that is given.
var binary = sync.OnceValues(func() (string, error) {
	if given := os.Getenv("NOVACRON_TEST_BINARY"); given != "" {
		return filepath.Abs(given)
	}
	var err error
	if built, err = os.MkdirTemp("", "novacron-e2e-"); err != nil {
		return "", err
	}
	file := filepath.Join(built, "novacron")
	out, err := exec.Command("go", "build", "-o", file, "../../cmd/novacron").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building novacron: %w\n%s", err, out)
	}
	return file, nil
})

// newServer starts one with two organisations and a token for each role.
func newServer(t testing.TB, dir string, settings ...string) (*server, error) {
	file, err := binary()
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &server{binary: file, dir: dir, address: address, tokens: map[string]string{"nobody": ""}}
	s.env = append(withoutSettings(os.Environ()),
		"NOVACRON_DATABASE_URL="+storetest.Empty(t), "NOVACRON_LISTEN="+address,
		"NOVACRON_SECRETS_KEY_FILE="+filepath.Join(dir, "secrets.json"), "NOVACRON_LOCAL_LIBVIRT=off", "NOVACRON_LOG=debug",
		"NOVACRON_TINY_IMAGE="+os.Getenv("NOVACRON_TEST_TINY_IMAGE"),
		"NOVACRON_REDIS_URL="+os.Getenv("NOVACRON_TEST_REDIS_URL"))
	s.env = append(s.env, settings...)
	if s.log, err = os.Create(filepath.Join(dir, "server.log")); err != nil {
		return nil, err
	}
	for _, args := range [][]string{{"migrate"}, {"bootstrap"}, {"bootstrap", "--tenant", "other", "--name", "stranger"}} {
		if _, err := s.run(args...); err != nil {
			return nil, err
		}
	}
	for who, args := range map[string][]string{
		"admin": {"--role", "admin"}, "operator": {"--role", "operator"}, "viewer": {"--role", "viewer"},
		"other": {"--role", "admin", "--user", "stranger"},
	} {
		out, err := s.run(append([]string{"token", "create"}, args...)...)
		if err != nil {
			return nil, err
		}
		s.tokens[who] = strings.TrimSpace(out)
	}
	return s, s.start()
}

func withoutSettings(all []string) []string {
	var env []string
	for _, v := range all {
		if !strings.HasPrefix(v, "NOVACRON_") {
			env = append(env, v)
		}
	}
	return env
}

// printed are passwords and tokens in what a command says.
var printed = regexp.MustCompile(`(?m)^Password: +(\S+)|(ncr_\w+)`)

// run runs a command of the binary and gives its standard output.
func (s *server) run(args ...string) (string, error) {
	var out, problem bytes.Buffer
	cmd := exec.Command(s.binary, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, &out, &problem
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("novacron %s: %w\n%s", strings.Join(args, " "), err, problem.String())
	}
	for _, shown := range printed.FindAllStringSubmatch(out.String(), -1) {
		s.given = append(s.given, shown[1]+shown[2])
	}
	return out.String(), nil
}

func (s *server) start() error {
	s.cmd = exec.Command(s.binary, "serve")
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = s.env, s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.exited = exited
	go func(cmd *exec.Cmd) { _ = cmd.Wait(); close(exited) }(s.cmd)
	for range 300 {
		select {
		case <-exited:
			return fmt.Errorf("the server ended; its log is in %s", s.log.Name())
		case <-time.After(50 * time.Millisecond):
		}
		if r, err := http.Get("http://" + s.address + "/readyz"); err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
	return fmt.Errorf("the server does not get ready; its log is in %s", s.log.Name())
}

// stop ends the server, gently or not.
func (s *server) stop(how syscall.Signal) error {
	if s.cmd == nil {
		return nil
	}
	_ = s.cmd.Process.Signal(how)
	ctx, cancel := context.WithTimeout(context.Background(), 35*time.Second)
	defer cancel()
	select {
	case <-s.exited:
		return nil
	case <-ctx.Done():
		_ = s.cmd.Process.Kill()
		<-s.exited
		return fmt.Errorf("the server did not end within 35 s of %v", how)
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
