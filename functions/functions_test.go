package functions_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"instar/functions"
)

var (
	comment = regexp.MustCompile(`(?m)^\s*//.*$`)
	list    = regexp.MustCompile(`(?s)const ([A-Z_]+) = \[(.*?)\];`)
	block   = regexp.MustCompile(`(?ms)^  (\w+): \{\n(.*?)^  \},`)
	name    = regexp.MustCompile(`\.\.\.([A-Z_]+)|"([A-Z_]+)"`)
	callee  = regexp.MustCompile(`(\w+): "\w+"`)
)

// listed are the functions of build/worker/functions.mjs: by function and field
// the sorted names.
func listed(t *testing.T) map[string]map[string][]string {
	t.Helper()
	data, err := os.ReadFile("../build/worker/functions.mjs")
	if err != nil {
		t.Fatal(err)
	}
	source := comment.ReplaceAllString(string(data), "")
	lists := map[string][]string{}
	names := func(text string) (all []string) {
		for _, m := range name.FindAllStringSubmatch(text, -1) {
			if m[1] == "" {
				all = append(all, m[2])
			} else if known, ok := lists[m[1]]; ok {
				all = append(all, known...)
			} else {
				t.Fatalf("functions.mjs has no list %s", m[1])
			}
		}
		return all
	}
	for _, m := range list.FindAllStringSubmatch(source, -1) {
		lists[m[1]] = names(m[2])
	}
	found := map[string]map[string][]string{}
	_, source, _ = strings.Cut(source, "export const functions")
	for _, m := range block.FindAllStringSubmatch(source, -1) {
		fields := map[string][]string{}
		for _, field := range []string{"vars", "present", "bindings"} {
			if part := regexp.MustCompile(`(?s)\b` + field + `: \[(.*?)\]`).FindStringSubmatch(m[2]); part != nil {
				fields[field] = names(part[1])
			}
		}
		if part := regexp.MustCompile(`calls: \{(.*?)\}`).FindStringSubmatch(m[2]); part != nil {
			for _, c := range callee.FindAllStringSubmatch(part[1], -1) {
				fields["bindings"] = append(fields["bindings"], c[1])
			}
		}
		found[m[1]] = fields
	}
	return found
}

func TestEveryPlatformGivesAFunctionTheSame(t *testing.T) {
	found := listed(t)
	if len(found) != len(functions.All) || len(found) == 0 {
		t.Errorf("functions.mjs has %d functions, this package %d", len(found), len(functions.All))
	}
	for _, l := range functions.All {
		for field, here := range map[string][]string{"vars": l.Vars, "present": l.Present, "bindings": l.Bindings} {
			here, there := slices.Sorted(slices.Values(here)), slices.Sorted(slices.Values(found[l.Name][field]))
			if !slices.Equal(here, there) {
				t.Errorf("%s: %s are %q here, and in functions.mjs %q", l.Name, field, here, there)
			}
		}
	}
}

func TestTheFunctionThatFacesTheInternetCanSendNothing(t *testing.T) {
	for _, name := range functions.Webhook.Vars {
		if strings.HasSuffix(name, "_TOKEN") || strings.HasSuffix(name, "_API_KEY") {
			t.Errorf("the webhook is given %s", name)
		}
	}
}
