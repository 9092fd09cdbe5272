package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/rogpeppe/go-internal/testscript"
)

// hostsDir is the state folder of the real hosts; empty for none.
func hostsDir() string { return os.Getenv("NOVACRON_TEST_HOSTS") }

// setAddresses gives scenarios the real hosts' addresses by their names: $HOSTA, $HOSTB.
func setAddresses(env *testscript.Env) {
	content, err := os.ReadFile(filepath.Join(hostsDir(), "hosts.json"))
	var hosts []struct{ Name, Address string }
	if err == nil && json.Unmarshal(content, &hosts) == nil {
		for _, h := range hosts {
			env.Setenv(strings.ToUpper(h.Name), h.Address)
		}
	}
}

// onHosts runs e2e/hosts/hosts.sh.
func onHosts(args ...string) ([]byte, error) {
	script, err := filepath.Abs("../hosts/hosts.sh")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(script, args...)
	cmd.Env = append(os.Environ(), "NOVACRON_HOSTS_DIR="+hostsDir())
	return cmd.CombinedOutput()
}

func cmdVirsh(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) >= 2, "virsh HOST ARG...")
	out, err := onHosts(append([]string{"exec", args[0], "virsh"}, args[1:]...)...)
	_, _ = ts.Stdout().Write(out)
	if (err != nil) != neg {
		ts.Fatalf("virsh: %v\n%s", err, out)
	}
}

// cmdHost does to a host what hosts.sh can do; at the scenario's end it is well again.
func cmdHost(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 2, "host HOST freeze|thaw|kill9|daemon|linkdown|linkup|poweroff|poweron")
	host, verb := args[0], args[1]
	if s := of(ts); !s.harmed[host] {
		s.harmed[host] = true
		ts.Defer(func() {
			for _, mend := range []string{"thaw", "linkup", "poweron"} {
				_, _ = onHosts(mend, host) // most of them find nothing to mend
			}
		})
	}
	if out, err := onHosts(verb, host); err != nil {
		ts.Fatalf("%s %s: %v\n%s", host, verb, err, out)
	}
}

// guestMost is how long a guest may take to boot and to answer.
const guestMost = 2 * time.Minute

// cmdGuest types a command into a VM's serial console and takes what the guest prints as the answer.
func cmdGuest(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && (len(args) == 2 || len(args) == 3), "guest VM COMMAND [REGEXP]")
	want := regexp.MustCompile("")
	if len(args) == 3 {
		var err error
		want, err = regexp.Compile(args[2])
		ts.Check(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), guestMost)
	defer cancel()
	for last := "nothing"; ; {
		said, err := of(ts).askGuest(ctx, args[0], args[1])
		if err == nil && want.MatchString(said) {
			of(ts).answer = map[string]any{"data": map[string]any{"guest": said}}
			show(ts, of(ts).answer)
			return
		}
		if err == nil {
			last = strconv.Quote(said)
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("after %s the guest has said %s; now: %v", guestMost, last, err)
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// prompt is a shell that waits: busybox's own asks the terminal where its cursor is.
var prompt = regexp.MustCompile(`# (\x1b\[6n)?$`)

// askGuest types one command into the shell on a VM's serial console, as somebody in the dashboard would.
func (s *session) askGuest(ctx context.Context, vm, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second) // then there is a new console to be tried
	defer cancel()
	body, _ := json.Marshal(map[string]any{
		"query":     `mutation($vm: ID!) { openConsole(input: {vm: $vm, kind: SERIAL}) { path } }`,
		"variables": map[string]any{"vm": vm},
	})
	answer, err := s.ask(body)
	if err != nil {
		return "", err
	}
	path, err := at(answer, ".openConsole.path")
	if err != nil {
		return "", errors.New(text(answer))
	}
	ws, _, err := websocket.Dial(ctx, "ws://"+s.server.address+text(path), &websocket.DialOptions{
		Subprotocols: []string{"binary"}, HTTPHeader: http.Header{"Authorization": {"Bearer " + s.token}},
	})
	if err != nil {
		return "", err
	}
	defer func() { _ = ws.Close(websocket.StatusNormalClosure, "") }()
	ws.SetReadLimit(1 << 20)

	// Enter is pressed until there is a prompt: a guest that is booting takes nothing else to heart.
	opened := make(chan struct{})
	go func() {
		for ws.Write(ctx, websocket.MessageBinary, []byte("\r")) == nil {
			select {
			case <-opened:
				return
			case <-ctx.Done():
				return
			case <-time.After(500 * time.Millisecond):
			}
		}
	}()
	var seen []byte
	until := func(re *regexp.Regexp) ([][]byte, error) {
		for {
			if found := re.FindSubmatch(seen); found != nil {
				return found, nil
			}
			_, chunk, err := ws.Read(ctx)
			if err != nil {
				return nil, fmt.Errorf("%w, after %q", err, seen)
			}
			seen = append(seen, chunk...)
		}
	}
	if _, err := until(prompt); err != nil {
		return "", err
	}
	close(opened)
	// One echo writes it all, so that no message of the kernel's comes in between. The quotes keep the echo of
	// what is typed from looking like it.
	mark := fmt.Sprint(time.Now().UnixNano())
	line := fmt.Sprintf(`echo "<""%[1]s $({ %[2]s; } 2>&1) %[1]s"">"`+"\r", mark, command)
	if err := ws.Write(ctx, websocket.MessageBinary, []byte(line)); err != nil {
		return "", err
	}
	found, err := until(regexp.MustCompile(`(?s)<` + mark + ` (.*) ` + mark + `>`))
	if err != nil {
		return "", err
	}
	return strings.ReplaceAll(string(found[1]), "\r\n", "\n"), nil
}
