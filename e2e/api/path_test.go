package api

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// at gives a value of an answer by its path: `.vms.edges[0].node.id`. Paths begin in data, unless they
// begin with .errors. `[name=web]` takes the element whose name is web, `[vm.name=web]` the one whose VM's is.
func at(answer map[string]any, path string) (any, error) {
	v := answer["data"]
	if strings.HasPrefix(path, ".errors") {
		v = answer
	}
	rest := path
	for rest != "" && rest != "." {
		switch rest[0] {
		case '.':
			end := strings.IndexAny(rest[1:], ".[") + 1
			if end == 0 {
				end = len(rest)
			}
			object, ok := v.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("%s: nothing has fields before %q", path, rest)
			}
			if v, ok = object[rest[1:end]]; !ok {
				return nil, fmt.Errorf("%s: there is no %q", path, rest[1:end])
			}
			rest = rest[end:]
		case '[':
			end := strings.Index(rest, "]")
			list, ok := v.([]any)
			if end < 0 || !ok {
				return nil, fmt.Errorf("%s: no list before %q", path, rest)
			}
			element, err := pick(list, rest[1:end])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			v, rest = element, rest[end+1:]
		default:
			return nil, fmt.Errorf("%s: expected . or [ at %q", path, rest)
		}
	}
	return v, nil
}

func pick(list []any, which string) (any, error) {
	if key, want, ok := strings.Cut(which, "="); ok {
		for _, element := range list {
			v := element
			for part := range strings.SplitSeq(key, ".") {
				o, _ := v.(map[string]any)
				v = o[part]
			}
			if text(v) == want {
				return element, nil
			}
		}
		return nil, fmt.Errorf("no element with %s", which)
	}
	i, err := strconv.Atoi(which)
	if err != nil || i < 0 || i >= len(list) {
		return nil, fmt.Errorf("no element %s of %d", which, len(list))
	}
	return list[i], nil
}

// text is a value as scenarios write it.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return "null"
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// same compares a value with what a scenario wrote: text, JSON, or *N for a list of N.
func same(v any, want string) bool {
	if n, ok := strings.CutPrefix(want, "*"); ok {
		list, isList := v.([]any)
		return isList && strconv.Itoa(len(list)) == n
	}
	return text(v) == want
}
