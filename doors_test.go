// Package novacron has no code of its own: it holds the test that the house keeps its shape.
package novacron

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

const module = "github.com/novacron/novacron/"

// doors says which rooms a room may enter: docs/decisions has why for each that is not in the design.
// The most specific entry counts. A room may always enter its own sub-rooms.
var doors = map[string][]string{
	"cmd":        {"*"},
	"resolvers":  {"graph", "loaders", "internal/control", "internal/fleet", "internal/fault", "drivers"},
	"loaders":    {"internal/store", "internal/fleet", "internal/access", "internal/events", "internal/fault", "drivers"},
	"graph":      {"internal/fleet", "drivers", "internal/fault"},
	"drivers":    {"internal/fault"},
	"migrations": {},

	"internal/control": {"internal/access", "internal/operations", "internal/store", "internal/events", "internal/secrets",
		"drivers", "internal/fleet", "internal/outside", "internal/fault"},
	"internal/operations": {"drivers", "internal/store", "internal/events", "internal/secrets", "internal/fleet", "internal/outside", "internal/fault"},
	"internal/inventory":  {"drivers", "internal/store", "internal/events", "internal/secrets", "internal/fleet", "internal/fault"},
	"internal/metrics":    {"drivers", "internal/store", "internal/fleet", "internal/fault"},
	"internal/access":     {"internal/store", "internal/fleet", "internal/outside", "internal/fault"},
	"internal/events":     {"internal/store", "internal/fleet", "internal/fault"},
	"internal/audit":      {"internal/store", "internal/fleet", "internal/fault"},
	"internal/secrets":    {"internal/store", "internal/fleet", "internal/fault"},
	"internal/store":      {"internal/fleet", "drivers", "internal/fault", "migrations"},
	"internal/fleet":      {"drivers", "internal/fault"},
	"internal/outside":    {"internal/fault"},
	"internal/fault":      {},
}

// forTests are entered by tests of any room, never by anything else.
var forTests = []string{"internal/store/storetest", "drivers/drivertest", "drivers/fake", "e2e/idp"}

// sdks belong to one driver each.
var sdks = map[string]string{
	"libvirt.org/go/": "drivers/libvirt", "github.com/diskfs/go-diskfs": "drivers/libvirt",
	"github.com/vmware/govmomi": "drivers/vsphere", "github.com/luthermonson/go-proxmox": "drivers/proxmox",
	"github.com/aws/": "drivers/aws", "github.com/Azure/": "drivers/azure", "cloud.google.com/": "drivers/gcp", "google.golang.org/api": "drivers/gcp",
}

// vague are names that say nothing of what is inside.
var vague = []string{"util", "utils", "common", "helpers", "shared", "types", "models", "misc", "base"}

// outside are folders that are no part of the house.
var outside = []string{"node_modules", "frontend", "tools", "e2e", "testdata", "scripts", "docs"}

// TestDoors reads every import in-process: a test that shells out to `go list` is fooled by Go's test cache.
func TestDoors(t *testing.T) {
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); file != "." && (strings.HasPrefix(name, ".") || slices.Contains(outside, name)) {
				return filepath.SkipDir
			}
			if slices.Contains(vague, d.Name()) {
				t.Errorf("%s: this name says nothing; name the folder after what is in it", file)
			}
			return nil
		}
		if strings.HasSuffix(file, ".go") {
			checkFile(t, filepath.ToSlash(file))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkFile(t *testing.T, file string) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	room, test := path.Dir(file), strings.HasSuffix(file, "_test.go")
	if room == "." {
		return
	}
	for _, spec := range parsed.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		for prefix, owner := range sdks {
			if strings.HasPrefix(imported, prefix) && !within(room, owner) {
				t.Errorf("%s imports %s, which only %s may", file, imported, owner)
			}
		}
		to, ours := strings.CutPrefix(imported, module)
		if !ours || within(to, room) || test && slices.ContainsFunc(forTests, func(r string) bool { return within(to, r) }) {
			continue
		}
		if !mayEnter(room, to) {
			t.Errorf("%s imports %s: there is no door from %s to there", file, to, house(room))
		}
	}
}

// mayEnter reports whether a package of one room may import a package of another.
func mayEnter(room, to string) bool {
	from := house(room)
	open, known := doors[from]
	if !known {
		return false
	}
	if within(room, "internal/store/storetest") || within(room, "drivers/drivertest") {
		return true // they are tests that happen to be packages
	}
	// A driver may import the contract, and no other driver.
	if strings.HasPrefix(room, "drivers/") && to == "drivers" {
		return true
	}
	if from == "drivers" && strings.HasPrefix(to, "drivers/") {
		return false
	}
	// Nobody but the wiring knows the drivers' folders.
	if strings.HasPrefix(to, "drivers/") && from != "cmd" {
		return false
	}
	return house(to) == from || slices.Contains(open, "*") || slices.ContainsFunc(open, func(r string) bool { return within(to, r) })
}

// house is the room in the table that a package belongs to.
func house(pkg string) string {
	for p := pkg; p != "." && p != "/"; p = path.Dir(p) {
		if _, ok := doors[p]; ok {
			return p
		}
	}
	return pkg
}

func within(pkg, room string) bool { return pkg == room || strings.HasPrefix(pkg, room+"/") }

// TestSchemaIsDescribed holds the schema to its promise: a description on every field, argument and value.
func TestSchemaIsDescribed(t *testing.T) {
	files, err := filepath.Glob("graph/schema/*.graphqls")
	if err != nil || len(files) == 0 {
		t.Fatal("no schema", err)
	}
	var sources []*ast.Source
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, &ast.Source{Name: f, Input: string(text)})
	}
	schema, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		t.Fatal(err)
	}
	roots := []string{"Query", "Mutation", "Subscription"}
	for _, d := range schema.Types {
		if d.BuiltIn {
			continue
		}
		if d.Description == "" && !slices.Contains(roots, d.Name) {
			t.Errorf("%s has no description", d.Name)
		}
		for _, f := range d.Fields {
			if f.Description == "" && !strings.HasPrefix(f.Name, "__") {
				t.Errorf("%s.%s has no description", d.Name, f.Name)
			}
		}
		for _, v := range d.EnumValues {
			if v.Description == "" {
				t.Errorf("%s.%s has no description", d.Name, v.Name)
			}
		}
	}
}
