package api

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
			scenario := &session{server: s, token: s.tokens["admin"], subs: map[string]*subscription{}}
			env.Values[sessionKey] = scenario
			env.Setenv("API", "http://"+s.address)
			env.Setenv("HOSTS", os.Getenv("NOVACRON_TEST_HOSTS"))
			setAddresses(env)
			env.Defer(func() {
				for _, sub := range scenario.subs {
					sub.cancel()
				}
				if err := s.stop(syscall.SIGTERM); err != nil {
					t.Error(err)
				}
				keepLog(env, s)
			})
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "hosts" {
				return os.Getenv("NOVACRON_TEST_HOSTS") != "" && os.Getenv("NOVACRON_TEST_TINY_IMAGE") != "", nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"as": cmdAs, "sign-in": cmdSignIn, "ended": cmdEnded, "gql": cmdGQL, "get": cmdGet, "is": cmdIs, "has": cmdHas, "refused": cmdRefused, "until": cmdUntil,
			"await": cmdWait, "http": cmdHTTP, "subscribe": cmdSubscribe, "sse": cmdSSE, "event": cmdEvent, "console": cmdConsole,
			"bad": cmdBad, "restart": cmdRestart, "virsh": cmdVirsh, "novacron": cmdNovacron,
		},
	})
}

// setAddresses gives scenarios the real hosts' addresses by their names: $HOSTA, $HOSTB.
func setAddresses(env *testscript.Env) {
	content, err := os.ReadFile(filepath.Join(os.Getenv("NOVACRON_TEST_HOSTS"), "hosts.json"))
	var hosts []struct{ Name, Address string }
	if err == nil && json.Unmarshal(content, &hosts) == nil {
		for _, h := range hosts {
			env.Setenv(strings.ToUpper(h.Name), h.Address)
		}
	}
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

func cmdRestart(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && (len(args) == 0 || len(args) == 1 && args[0] == "kill"), "restart [kill]")
	how := syscall.SIGTERM
	if len(args) == 1 {
		how = syscall.SIGKILL
	}
	ts.Check(of(ts).server.stop(how))
	ts.Check(of(ts).server.start())
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

func cmdVirsh(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) >= 2, "virsh HOST ARG...")
	hosts, err := filepath.Abs("../hosts/hosts.sh")
	ts.Check(err)
	cmd := exec.Command(hosts, append([]string{"exec", args[0], "virsh"}, args[1:]...)...)
	cmd.Env = append(os.Environ(), "NOVACRON_HOSTS_DIR="+os.Getenv("NOVACRON_TEST_HOSTS"))
	out, err := cmd.CombinedOutput()
	_, _ = ts.Stdout().Write(out)
	if (err != nil) != neg {
		ts.Fatalf("virsh: %v\n%s", err, out)
	}
}
