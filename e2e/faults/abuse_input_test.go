package faults

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// badInput is one request with one thing wrong in it.
type badInput struct {
	query string
	v     vars
}

// refused sends them all, and reports how many were refused as they should be: with one of these codes, soon, and without
// telling anything of the server's own.
func (a *abused) refused(id, fault string, all []badInput, codes ...string) {
	t := a.rig.t
	t.Helper()
	kept, slowest := 0, time.Duration(0)
	for _, b := range all {
		body, err := json.Marshal(vars{"query": b.query, "variables": b.v})
		require.NoError(t, err)
		began := time.Now()
		got, err := a.send(context.Background(), http.MethodPost, "/graphql", bytes.NewReader(body))
		require.NoError(t, err)
		slowest = max(slowest, time.Since(began))
		ok := false
		for _, code := range codes {
			ok = ok || strings.Contains(got.text, `"code":"`+code+`"`)
		}
		for _, inside := range []string{"goroutine ", "runtime.", "/work/", ".go:", "pgx", "SQLSTATE", "canary"} {
			ok = ok && !strings.Contains(got.text, inside)
		}
		if ok = ok && got.status < 500; ok {
			kept++
		} else {
			t.Errorf("%s: %.200s: %d %.300s", id, body, got.status, got.text)
		}
	}
	a.report(id, fault, "refused with the field, nothing told, nothing run", kept == len(all), "%d of %d, slowest after %s", kept, len(all), slowest.Round(time.Millisecond))
}

// Connections are typed fields: no program runs, no file is read, nothing is dialled by what is written into them.
func TestBadConnections(t *testing.T) {
	a := newAbused(t)
	dir := t.TempDir()
	ran, secret := filepath.Join(dir, "ran"), filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("canary"), 0o600))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	var dialled atomic.Int32
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			dialled.Add(1)
			_ = c.Close()
		}
	}()
	at, touch := listener.Addr().String(), "touch%20"+ran
	var all []badInput
	for _, host := range []string{
		"qemu+ext:///system?command=" + touch, at + "/system?command=" + touch, at + "?command=touch " + ran, at + "/?%63ommand=" + touch,
		at + "/?Command=" + touch, at + "?a=b;command=" + touch, at + "?a=b&netcat=" + touch, at + "/?socket=/run/x", at + "%2525",
		"test:///" + secret, "test+ext:///default?command=" + touch, "esx+ext://" + at + "/?command=" + touch, "file://" + secret, secret, "lxc:///",
		"-oProxyCommand=" + touch, "root@" + at, at, "h\n" + at, "h\r\nHost: x", "[::1%25eth0]", "::1%eth0", "fe80::1%lo", "h#x", "h\\x", "$(" + touch + ")", "`" + touch + "`",
		strings.Repeat("h", 1<<20/4), "\u202eh", "h\u0000",
	} {
		for _, transport := range []string{"TLS", "SSH"} {
			in := vars{"name": "bad", "kind": "LIBVIRT", "transport": transport, "host": host, "user": "root", "credentials": vars{
				"caCertificate": "x", "clientCertificate": "x", "clientKey": "x", "sshKey": "x", "sshHostKey": "x"}}
			all = append(all, badInput{`mutation($in: AddProviderInput!) { addProvider(input: $in) { provider { id } } }`, vars{"in": in}},
				badInput{`mutation($in: AddProviderInput!) { testProvider(input: $in) { ok problem { code field message } } }`, vars{"in": in}})
		}
	}
	for _, user := range []string{"-oProxyCommand=" + touch, "root;" + touch, "a b", "a\nb", "$(id)", "../x"} {
		all = append(all, badInput{`mutation($in: AddProviderInput!) { addProvider(input: $in) { provider { id } } }`, vars{"in": vars{
			"name": "bad", "kind": "LIBVIRT", "transport": "SSH", "host": "127.0.0.1", "user": user, "credentials": vars{"sshKey": "x", "sshHostKey": "x"}}}})
	}
	for _, field := range []string{"uri", "connectionUri", "command", "socket", "netcat", "pkipath", "path"} {
		all = append(all, badInput{`mutation($in: AddProviderInput!) { addProvider(input: $in) { provider { id } } }`,
			vars{"in": vars{"name": "bad", "transport": "LOCAL", field: "test:///" + secret}}})
	}
	a.refused("S01", "programs, files and options in a connection", all, "INVALID")
	_, err = os.Stat(ran)
	a.report("S01", "programs, files and options in a connection", "no program run, nothing dialled", os.IsNotExist(err) && dialled.Load() == 0,
		"%d programs run, %d connections", map[bool]int{true: 0, false: 1}[os.IsNotExist(err)], dialled.Load())
	a.quiet()
}

const createBad = `mutation($in: CreateVMInput!) { createVM(input: $in) { vm { id } } }`

func (a *abused) newVM(change vars) vars {
	in := vars{"provider": a.provider, "name": "fresh", "vcpus": 1, "memoryMiB": 64, "disks": []vars{{"capacityBytes": 1 << 30}}}
	for k, v := range change {
		in[k] = v
	}
	return vars{"in": in}
}

// What ends in a domain's document, a file's name or a guest's configuration is one word there, or refused.
func TestBadWords(t *testing.T) {
	a := newAbused(t)
	var words, files, seeds []badInput
	for _, name := range []string{
		"</name><devices><qemu:commandline/>", "<!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/shadow\">]>&y;", "]]>", "a\u0000", "a\ufffe", strings.Repeat("a", 1<<19), "", "-rf", "../x",
	} {
		words = append(words, badInput{createBad, a.newVM(vars{"name": name})},
			badInput{createBad, a.newVM(vars{"machineType": or(name, "a b")})}, badInput{createBad, a.newVM(vars{"networks": []vars{{"network": or(name, "a b")}}})})
	}
	for _, text := range []string{"a\u0000", "a\ufffe", "\u001b[31m", strings.Repeat("a", 1<<19)} {
		words = append(words, badInput{createBad, a.newVM(vars{"description": text})}, badInput{createBad, a.newVM(vars{"tags": []vars{{"key": "k", "value": text}}})})
	}
	a.refused("S03", "XML, control characters and 512 KiB in words", words, "INVALID", "NOT_FOUND")

	const xml = `</description><devices><disk type='file'><source file='/etc/shadow'/></disk></devices><description>&amp;<![CDATA[]]>`
	var made struct {
		CreateVM struct{ VM struct{ ID string } }
	}
	a.admin.must(&made, createBad, a.newVM(vars{"name": "verbatim", "description": xml}))
	var read struct{ VM struct{ Description string } }
	a.admin.must(&read, `query($id: ID!) { vm(id: $id) { description } }`, vars{"id": made.CreateVM.VM.ID})
	a.report("S03", "XML in a description", "is text, and comes back as it was", read.VM.Description == xml, "%d bytes", len(read.VM.Description))

	for _, name := range []string{"../../etc/shadow", "/etc/shadow", "nbd://127.0.0.1/x", "ssh://h/x", `json:{"driver":"raw"}`, "fd:3", "a\nb", ".", "-x", "a\u0000b", `a\b`, strings.Repeat("a", 300)} {
		files = append(files, badInput{createBad, a.newVM(vars{"disks": []vars{{"volume": vars{"pool": "default", "name": name}}}})},
			badInput{createBad, a.newVM(vars{"disks": []vars{{"capacityBytes": 1 << 30, "pool": name}}})},
			badInput{`mutation($in: RegisterImageInput!) { registerImage(input: $in) { image { id } } }`, vars{"in": vars{"provider": a.provider, "pool": "default", "volume": name}}},
			badInput{`mutation($in: RegisterImageInput!) { registerImage(input: $in) { image { id } } }`, vars{"in": vars{"provider": a.provider, "pool": name, "volume": "x.qcow2"}}},
			badInput{`mutation($in: UploadImageInput!) { uploadImage(input: $in) { path } }`, vars{"in": vars{"provider": a.provider, "name": name, "sizeBytes": 4}}})
	}
	for _, url := range []string{"file:///etc/shadow", "nbd://127.0.0.1/x", "ftp://h/x", "/etc/shadow", "https://", "https://u:p@h/x", "http://h/x", "gopher://h", "https:h", "-o", "https://h/\n"} {
		files = append(files, badInput{`mutation($in: ImportImageInput!) { importImage(input: $in) { image { id } } }`, vars{"in": vars{"provider": a.provider, "url": url, "name": "x"}}})
	}
	a.refused("S05", "paths, QEMU's protocols and control characters in names and URLs", files, "INVALID", "NOT_FOUND")

	for field, all := range map[string][]string{
		"hostname":      {"a\nruncmd: [reboot]", "{{ds}}", "a: b", "a b", "-x", strings.Repeat("a", 300)},
		"user":          {"root:x", "a\nb", "../x", "$(id)"},
		"userData":      {"a\u0000", "no kind\n", "#cloud-config\n- a\n", "#cloud-config\na: [\n", "#" + strings.Repeat("a", 65<<10)},
		"networkConfig": {"a\u0000", "a: [", "version: 9", "version: 2\n" + strings.Repeat("#", 65<<10)},
	} {
		for _, v := range all {
			seeds = append(seeds, badInput{createBad, a.newVM(vars{"cloudInit": vars{field: v}})})
		}
	}
	for _, key := range []string{"ssh-ed25519 AAAA\nruncmd: [reboot]", "hello", "-----BEGIN OPENSSH PRIVATE KEY-----"} {
		seeds = append(seeds, badInput{createBad, a.newVM(vars{"cloudInit": vars{"sshKeys": []string{key}}})})
	}
	a.refused("S07", "newlines, YAML and templates in what a guest is told", seeds, "INVALID")
	a.quiet()
}

// No input takes a document, a command or a path of the server's, and no export holds a formula.
func TestNoDocumentIsTaken(t *testing.T) {
	a := newAbused(t)
	var schema struct {
		Schema struct {
			Types []struct {
				Name        string
				InputFields []struct{ Name string }
			}
			QueryType, MutationType struct{ Fields []struct{ Name string } }
		} `json:"__schema"`
	}
	a.admin.must(&schema, `{ __schema { types { name inputFields { name } } queryType { fields { name } } mutationType { fields { name } } } }`, nil)
	inputs, found := 0, []string{}
	for _, typ := range schema.Schema.Types {
		for _, f := range typ.InputFields {
			inputs++
			for _, word := range []string{"xml", "document", "command", "path", "uri", "argument", "kernel", "filesystem"} {
				if strings.Contains(strings.ToLower(f.Name), word) {
					found = append(found, typ.Name+"."+f.Name)
				}
			}
		}
	}
	a.report("S04", "a VM's document from a user", "none of the inputs' fields takes one", inputs > 50 && len(found) == 0, "%d fields, %v", inputs, found)
	// A request's id is the client's own word, and is in the export.
	_, err := a.send(context.Background(), http.MethodPost, "/graphql", strings.NewReader(`{"query": "mutation { createAPIToken(input: {name: \"ci\"}) { token { id } } }"}`), "X-Request-Id", "-1-1-1-1")
	require.NoError(t, err)
	exported, err := a.send(context.Background(), http.MethodGet, "/api/audit.csv", nil)
	require.NoError(t, err)
	rows, err := csv.NewReader(strings.NewReader(exported.text)).ReadAll()
	require.NoError(t, err)
	cells, formulas := 0, 0
	for _, cell := range slices.Concat(rows...) {
		if cells++; cell != "" && strings.Contains("=+-@\t\r", cell[:1]) {
			formulas++
		}
	}
	a.report("S29", "formulas in exported rows", "are text", formulas == 0 && strings.Contains(exported.text, "'-1-1-1-1"), "%d of %d cells", formulas, cells)
}

// An image that leads to other files, or claims what it is not, becomes no image.
func TestBadImages(t *testing.T) {
	a := newAbused(t)
	qcow2 := func(change func([]byte)) []byte {
		h := make([]byte, 1<<20)
		copy(h, "QFI\xfb")
		binary.BigEndian.PutUint32(h[4:], 3)
		binary.BigEndian.PutUint32(h[20:], 16)
		binary.BigEndian.PutUint64(h[24:], 1<<30)
		binary.BigEndian.PutUint64(h[40:], 3<<16)
		binary.BigEndian.PutUint64(h[48:], 1<<16)
		binary.BigEndian.PutUint32(h[96:], 4)
		binary.BigEndian.PutUint32(h[100:], 104)
		change(h)
		return h
	}
	bad := map[string][]byte{
		"a backing file": qcow2(func(h []byte) {
			binary.BigEndian.PutUint64(h[8:], 512)
			binary.BigEndian.PutUint32(h[16:], 11)
			copy(h[512:], "/etc/shadow")
		}),
		"a data file elsewhere": qcow2(func(h []byte) { binary.BigEndian.PutUint64(h[72:], 4) }),
		"16 EiB":                qcow2(func(h []byte) { binary.BigEndian.PutUint64(h[24:], 1<<63) }),
		"encrypted":             qcow2(func(h []byte) { binary.BigEndian.PutUint32(h[32:], 2) }),
		"broken off":            []byte("QFI\xfb\x00\x00\x00\x03"),
		"a VMDK descriptor":     []byte("# Disk DescriptorFile\nversion=1\nRW 2048 FLAT \"/etc/shadow\" 0\n"),
		"a bomb":                append([]byte("\x1f\x8b\x08"), make([]byte, 1<<16)...),
		"nothing it could be":   []byte("hello"),
	}
	kept := 0
	for name, content := range bad {
		var got struct {
			UploadImage struct {
				Path      string
				Operation struct{ ID string }
			}
		}
		a.admin.must(&got, `mutation($in: UploadImageInput!) { uploadImage(input: $in) { path operation { id } } }`,
			vars{"in": vars{"provider": a.provider, "name": strings.ReplaceAll(name, " ", "-"), "sizeBytes": len(content)}})
		answer, err := a.send(context.Background(), http.MethodPut, got.UploadImage.Path, bytes.NewReader(content))
		require.NoError(t, err)
		o := a.admin.ended(got.UploadImage.Operation.ID, time.Minute)
		if answer.status == http.StatusUnprocessableEntity && answer.code == "INVALID" && o.Status == "FAILED" && !strings.Contains(answer.text, "shadow") {
			kept++
		} else {
			t.Errorf("%s: %d %s, %s", name, answer.status, answer.text, o.Status)
		}
	}
	var images struct{ Images []struct{ Status string } }
	a.admin.must(&images, `{ images { status } }`, nil)
	for _, i := range images.Images {
		assert.Equal(t, "FAILED", i.Status)
	}
	a.report("S06", "images with backing files, data files, 16 EiB, other formats", "refused as INVALID, none can be used", kept == len(bad), "%d of %d", kept, len(bad))
	a.quiet()
}

// Pages, cursors and filters.
func TestBadLists(t *testing.T) {
	a := newAbused(t)
	var all []badInput
	for _, first := range []any{-1, 0, 201, 1_000_000_000, 1e30, "ten"} {
		all = append(all, badInput{`query($n: Int!) { vms(first: $n) { totalCount } }`, vars{"n": first}}, badInput{`query($n: Int!) { operations(first: $n) { totalCount } }`, vars{"n": first}})
	}
	forged, err := json.Marshal(vars{"o": vars{"Field": "NAME", "Desc": false}, "t": "01a2055b-5a9e-712e-918e-51cda68b10e5", "k": "a", "i": "01a2055d-dc6d-75a6-a7f0-ab10795671eb"})
	require.NoError(t, err)
	for _, cursor := range []string{"x", "", "\u0000", strings.Repeat("A", 1<<19), "eyJ9", base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(forged, crc32.ChecksumIEEE(forged)))} {
		if cursor != "" { // that is the first page
			all = append(all, badInput{`query($c: String) { vms(after: $c) { edges { cursor } } }`, vars{"c": cursor}}, badInput{`query($c: String) { operations(after: $c) { edges { cursor } } }`, vars{"c": cursor}})
		}
	}
	ids := make([]string, 10_000)
	for i := range ids {
		ids[i] = fmt.Sprintf("vm_01a20563-8c0f-7478-9044-%012x", i)
	}
	filter := `query($f: VMFilter) { vms(filter: $f) { totalCount } }`
	for _, f := range []vars{{"ids": ids}, {"ids": ids[:1001]}, {"ids": []string{"provider_x"}}, {"provider": []string{"vm_x"}}, {"status": []string{"BROKEN"}}, {"search": strings.Repeat("a", 10<<10)},
		{"search": "a b c d e f g h i"}, {"search": "a\u0000"}, {"tags": []vars{{"key": "\u0000"}}}} {
		all = append(all, badInput{filter, vars{"f": f}})
	}
	a.refused("S10", "pages of -1 and 10⁹, forged and foreign cursors, 10,000 ids", all, "INVALID")

	var page struct {
		Vms struct{ Edges []struct{ Cursor string } }
	}
	a.admin.must(&page, `{ vms { edges { cursor } } }`, nil)
	a.report("S10", "a page without first", "has a length all the same", len(page.Vms.Edges) == 50, "%d rows", len(page.Vms.Edges))

	var took []time.Duration
	wrong := 0
	for _, s := range []string{"%", "_", `\`, "%%%%", "a%b", "(a+)+$", "^a", ".*", "[a-z]", "'; DROP TABLE vms; --", "İ", "ſ", "ß", "ﬀ", "\u202e", "$1", "{{", strings.Repeat("é", 100)} {
		literally := "true"
		for _, word := range strings.Fields(s) {
			literally += " AND strpos(search_text, lower('" + strings.ReplaceAll(word, "'", "''") + "')) > 0"
		}
		var want int
		a.postgres.row(&want, "SELECT count(*) FROM vms WHERE "+literally)
		for range 20 {
			var got struct{ Vms struct{ TotalCount int } }
			began := time.Now()
			a.admin.must(&got, filter, vars{"f": vars{"search": s}})
			took = append(took, time.Since(began))
			if got.Vms.TotalCount != want {
				wrong++
				t.Errorf("%q finds %d, not %d", s, got.Vms.TotalCount, want)
			}
		}
	}
	p99 := percentile(took, 99)
	a.report("S11", fmt.Sprintf("wildcards, regular expressions and folding in a search of %d VMs", abusedVMs), "taken word for word, p99 ≤ 500 ms", wrong == 0 && p99 <= 500*time.Millisecond,
		"%d of %d differ, p99 %.0f ms", wrong, len(took), ms(p99))
	a.quiet()
}
