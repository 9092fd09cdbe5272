package main

import (
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/graph"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/outside"
)

// setting is one environment variable. All of them are listed by `novacron serve --help`.
type setting struct{ name, otherwise, help string }

var settings = []setting{
	{"NOVACRON_LISTEN", ":8080", "address of the API"},
	{"NOVACRON_METRICS_LISTEN", "", "address of a door of its own for /metrics, without a token, and for this machine's /debug/pprof, such as 127.0.0.1:9464;\nwithout it there is /metrics at the API's address alone, which wants a token"},
	{"NOVACRON_TLS_CERTIFICATE", "", "PEM file of the API's own certificate with its chain, read again when it is renewed; without it there is TLS in the proxy alone"},
	{"NOVACRON_TLS_KEY", "", "PEM file of its key"},
	{"NOVACRON_DATABASE_URL", "", "Postgres: postgres://user:password@host:5432/novacron (needed)"},
	{"NOVACRON_REDIS_URL", "", "Redis: redis://host:6379/0; without it there can be one replica only"},
	{"NOVACRON_SECRETS_KEY_FILE", "", "key of the stored credentials, made at the first start; the same for all replicas\n(default /var/lib/novacron/secrets.json for root, ~/.local/state/novacron/secrets.json for others)"},
	{"NOVACRON_PUBLIC_URL", "", "the origin that browsers see, such as https://vms.example.org; needed behind a proxy that changes Host"},
	{"NOVACRON_TRUSTED_PROXIES", "127.0.0.0/8,::1/128", "whose X-Forwarded-For is believed"},
	{"NOVACRON_RATE_TOKEN", "60000", "requests a minute that are taken of one API token; all of a minute's may come at once; 0: any number"},
	{"NOVACRON_RATE_USER", "60000", "the same of one person, with all their sessions and tokens"},
	{"NOVACRON_RATE_ORGANISATION", "240000", "the same of one organisation"},
	{"NOVACRON_RATE_ADDRESS", "120000", "the same of one address, an IPv6 /64 being one; strangers are counted by it too"},
	{"NOVACRON_PERSISTED_OPERATIONS", "", "files, separated by commas, of the only GraphQL documents that are taken: JSON of SHA-256 to document, as Relay's compiler\nwrites it; the dashboard's is persisted_operations.json beside its server.js; without it any document is taken"},
	{"NOVACRON_LOCAL_LIBVIRT", "auto", "auto: the libvirt of this machine becomes the first host if there is no other; off: it does not"},
	{"NOVACRON_ACCELERATOR", "auto", "how VMs run on that first host unless they say: auto, kvm, qemu"},
	{"NOVACRON_TINY_IMAGE", "", "file of NovaCron's tiny guest image, offered in the image catalogue"},
	{"NOVACRON_INNER_NETWORKS", "", "networks that addresses given by users may lead into, such as 10.20.0.0/16,fd12::/16, beside the internet; what is not named\nthey cannot reach: private networks, this machine, and a cloud's metadata, which no wider network opens"},
	{"NOVACRON_IMAGE_ALLOW_PRIVATE", "false", "true: images may be imported from all private addresses and from this machine; better name the networks above"},
	{"NOVACRON_OIDC_ISSUER", "", "an OpenID Connect provider that people sign in with: its address, as its discovery document says it"},
	{"NOVACRON_OIDC_NAME", "SSO", "what its button says"},
	{"NOVACRON_OIDC_CLIENT_ID", "", "as what it knows us; our redirect address there is NOVACRON_PUBLIC_URL/auth/callback"},
	{"NOVACRON_OIDC_CLIENT_SECRET", "", "the client's secret, if it has one"},
	{"NOVACRON_OIDC_CLIENT_SECRET_FILE", "", "a file that has it, instead"},
	{"NOVACRON_OIDC_SCOPES", "profile email groups", "what is asked of it, beside openid"},
	{"NOVACRON_OIDC_AUDIENCE", "", "the API's name at it: programs may send its access tokens then; not the client's id"},
	{"NOVACRON_OIDC_RULES", "", `who may do what, as JSON: [{"claim": "groups", "value": "vm-admins", "organisation": "main", "role": "ADMIN"}, …]; * is any value`},
	{"NOVACRON_MIGRATE", "auto", "auto: bring the database to this version's shape when starting; off: `novacron migrate` does"},
	{"NOVACRON_KEEP_OPERATIONS", "90", "for how many days operations that have ended are kept; 0: for ever"},
	{"NOVACRON_KEEP_AUDIT", "365", "for how many days the audit log is kept, at least 365"},
	{"NOVACRON_AUDIT_SYSLOG", "", "a syslog server that gets every line of the audit log: tls://host:6514, tcp://…, udp://…"},
	{"NOVACRON_AUDIT_SYSLOG_CA", "", "PEM file of those who may vouch for it; the system's otherwise"},
	{"NOVACRON_FAKE_VMS", "0", "how many VMs each simulated host has at first"},
	{"NOVACRON_FAKE_PACE", "0", "how long things take on simulated hosts; 1 is as on real ones, 0 a twentieth of it"},
	{"NOVACRON_LOG", "info", "what is logged: debug, info, warn, error"},
	{"NOVACRON_LOG_FORMAT", "text", "text or json"},
}

// elsewhere are variables of the house that the server does not read: scripts' and tests'.
var elsewhere = []string{"NOVACRON_TEST_", "NOVACRON_HOSTS_", "NOVACRON_PG_BIN", "NOVACRON_CACHE", "NOVACRON_STATE", "NOVACRON_DASHBOARD", "NOVACRON_API_", "NOVACRON_E2E_"}

func env(name string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	for _, s := range settings {
		if s.name == name {
			return s.otherwise
		}
	}
	return ""
}

// settingsHelp is the list for --help.
func settingsHelp() string {
	var b strings.Builder
	b.WriteString("Settings, from the environment:\n")
	for _, s := range settings {
		help := s.help
		if s.otherwise != "" {
			help += fmt.Sprintf(" (default %s)", s.otherwise)
		}
		fmt.Fprintf(&b, "  %-28s %s\n", s.name, strings.ReplaceAll(help, "\n", "\n"+strings.Repeat(" ", 31)))
	}
	return b.String()
}

// warnOfUnknown says which variables look like settings and are none: a misspelt one is silent otherwise.
func warnOfUnknown(log *slog.Logger) {
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		known := slices.ContainsFunc(settings, func(s setting) bool { return s.name == name }) ||
			slices.ContainsFunc(elsewhere, func(p string) bool { return strings.HasPrefix(name, p) })
		if strings.HasPrefix(name, "NOVACRON_") && !known {
			log.Warn("this setting is not known; see novacron serve --help", "name", name)
		}
	}
}

func logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(env("NOVACRON_LOG"))); err != nil {
		return nil, wrong("NOVACRON_LOG", "Use debug, info, warn or error.")
	}
	o := &slog.HandlerOptions{Level: level}
	switch env("NOVACRON_LOG_FORMAT") {
	case "text":
		return slog.New(slog.NewTextHandler(os.Stderr, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, o)), nil
	}
	return nil, wrong("NOVACRON_LOG_FORMAT", "Use text or json.")
}

func wrong(name, remedy string) error { return wrongBecause(name, remedy, nil) }

func wrongBecause(name, remedy string, err error) error {
	return fault.New(fault.Invalid, "the setting %s cannot be used", name).With(remedy).Because(err)
}

// choice reads a setting that is one of a few words.
func choice(name string, words ...string) (string, error) {
	v := strings.ToLower(env(name))
	if !slices.Contains(words, v) {
		return "", wrong(name, "Use "+strings.Join(words, " or ")+".")
	}
	return v, nil
}

func accelerator() (drivers.Accelerator, error) {
	v, err := choice("NOVACRON_ACCELERATOR", "auto", "kvm", "qemu")
	return drivers.Accelerator(strings.ToUpper(v)), err
}

func proxies() ([]netip.Prefix, error) { return networks("NOVACRON_TRUSTED_PROXIES") }

// networks reads a setting that lists networks, or single addresses.
func networks(name string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, s := range strings.Split(env(name), ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
			s = netip.PrefixFrom(a, a.BitLen()).String()
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, wrongBecause(name, "Give networks such as 10.0.0.0/8,::1/128.", err)
		}
		all = append(all, p)
	}
	return all, nil
}

// inner are the networks that addresses given by users may lead into; images' may lead into some more.
func inner() (all, images outside.Rules, err error) {
	named, err := networks("NOVACRON_INNER_NETWORKS")
	if err != nil {
		return all, images, err
	}
	everything, err := choice("NOVACRON_IMAGE_ALLOW_PRIVATE", "true", "false")
	all, images = outside.New(named...), outside.New(named...)
	if everything == "true" {
		for _, p := range []string{"0.0.0.0/0", "::/0", "127.0.0.0/8", "::1/128"} {
			named = append(named, netip.MustParsePrefix(p))
		}
		images = outside.New(named...)
	}
	return all, images, err
}

func number(name string) (float64, error) {
	n, err := strconv.ParseFloat(env(name), 64)
	if err != nil || n < 0 {
		return 0, wrong(name, "Give a number that is not negative.")
	}
	return n, nil
}

// manifest is nil when any document is taken.
func manifest() (graph.Manifest, error) {
	var files []string
	for _, f := range strings.Split(env("NOVACRON_PERSISTED_OPERATIONS"), ",") {
		if f = strings.TrimSpace(f); f != "" {
			files = append(files, f)
		}
	}
	if files == nil {
		return nil, nil
	}
	m, err := graph.ReadManifest(files...)
	if err != nil {
		return nil, wrongBecause("NOVACRON_PERSISTED_OPERATIONS", fault.Of(err).Remedy, err)
	}
	return m, nil
}

func rates() (r access.Rates, err error) {
	for name, most := range map[string]*int{
		"NOVACRON_RATE_TOKEN": &r.Token, "NOVACRON_RATE_USER": &r.User, "NOVACRON_RATE_ORGANISATION": &r.Organisation, "NOVACRON_RATE_ADDRESS": &r.Address,
	} {
		n, err := number(name)
		if err != nil || n != math.Trunc(n) || n > mostRate {
			return r, wrong(name, fmt.Sprintf("Give a whole number up to %d; 0 for no limit.", mostRate))
		}
		*most = int(n)
	}
	return r, nil
}

// mostRate is a request each microsecond, which is what time is counted in.
const mostRate = 60_000_000

func secretsKeyFile() (string, error) {
	if file := env("NOVACRON_SECRETS_KEY_FILE"); file != "" {
		return file, nil
	}
	if os.Geteuid() == 0 {
		return "/var/lib/novacron/secrets.json", nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", wrongBecause("NOVACRON_SECRETS_KEY_FILE", "Say where the key shall lie: there is no home directory.", err)
	}
	return filepath.Join(home, ".local/state/novacron/secrets.json"), nil
}
