package api

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScenarios runs every scenario of this folder with a server of its own.
func TestScenarios(t *testing.T) {
	if testing.Short() {
		t.Skip("scenarios take their time")
	}
	testscript.Run(t, testscript.Params{
		Dir: ".", RequireExplicitExec: true, ContinueOnError: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			s, err := newServer(env.T().(testing.TB), env.WorkDir)
			if err != nil {
				return err
			}
			scenario := &session{server: s, token: s.tokens["admin"], subs: map[string]*subscription{}, harmed: map[string]bool{}}
			env.Values[sessionKey] = scenario
			env.Setenv("API", "http://"+s.address)
			env.Setenv("HOSTS", hostsDir())
			env.Setenv("TINY", os.Getenv("NOVACRON_TEST_TINY_IMAGE"))
			setAddresses(env)
			if err := lend(env.WorkDir); err != nil {
				return err
			}
			env.Defer(func() {
				for _, sub := range scenario.subs {
					sub.cancel()
				}
				if err := s.stop(syscall.SIGTERM); err != nil {
					t.Error(err)
				}
				s.keepsSecrets(env.T().(testing.TB))
				keepLog(env, s)
			})
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "hosts" {
				return hostsDir() != "" && os.Getenv("NOVACRON_TEST_TINY_IMAGE") != "", nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"as": cmdAs, "sign-in": cmdSignIn, "ended": cmdEnded, "gql": cmdGQL, "get": cmdGet, "is": cmdIs, "has": cmdHas, "refused": cmdRefused, "until": cmdUntil,
			"await": cmdWait, "http": cmdHTTP, "subscribe": cmdSubscribe, "sse": cmdSSE, "event": cmdEvent, "console": cmdConsole,
			"bad": cmdBad, "down": cmdDown, "up": cmdUp, "restart": cmdRestart, "novacron": cmdNovacron, "do": cmdDo, "more": cmdMore,
			"virsh": cmdVirsh, "host": cmdHost, "guest": cmdGuest,
		},
	})
}

// lend puts the queries that several scenarios use beside a scenario's own files, which come first.
func lend(dir string) error {
	shared, err := filepath.Glob("queries/*.graphql")
	for _, from := range shared {
		to := filepath.Join(dir, filepath.Base(from))
		if _, own := os.Stat(to); own == nil {
			continue
		}
		content, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(to, content, 0o644); err != nil {
			return err
		}
	}
	return err
}

// keepLog shows what the server said when a scenario has failed.
func keepLog(env *testscript.Env, s *server) {
	tb := env.T().(testing.TB)
	if !tb.Failed() {
		return
	}
	if text, err := os.ReadFile(s.log.Name()); err == nil {
		const most = 8 << 10
		tb.Logf("the server's log:\n%s", text[max(0, len(text)-most):])
	}
}

func cmdDown(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && (len(args) == 0 || len(args) == 1 && args[0] == "kill"), "down|restart [kill]")
	how := syscall.SIGTERM
	if len(args) == 1 {
		how = syscall.SIGKILL
	}
	ts.Check(of(ts).server.stop(how))
}

func cmdUp(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 0, "up")
	ts.Check(of(ts).server.start())
}

func cmdRestart(ts *testscript.TestScript, neg bool, args []string) {
	cmdDown(ts, neg, args)
	cmdUp(ts, neg, nil)
}

func cmdNovacron(ts *testscript.TestScript, neg bool, args []string) {
	out, err := of(ts).server.run(args...)
	_, _ = ts.Stdout().Write([]byte(out))
	if err != nil {
		_, _ = ts.Stderr().Write([]byte(err.Error()))
	}
	if (err != nil) != neg {
		ts.Fatalf("novacron: %v", err)
	}
}
