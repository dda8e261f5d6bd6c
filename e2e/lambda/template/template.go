// Package template reads template.yaml as far as tests need it: the functions and
// what their roles allow. CloudFormation's intrinsic functions stand for what they
// become in the stand-in's one deployment.
package template

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"instar/e2e/lambda/standin"
)

// Template is the resources by their names.
type Template struct {
	Globals   map[string]any      `yaml:"Globals"`
	Resources map[string]Resource `yaml:"Resources"`
}

// Resource is one of them.
type Resource struct {
	Type       string         `yaml:"Type"`
	Properties map[string]any `yaml:"Properties"`
}

// Right is one action on one resource, which may end with *.
type Right struct{ Action, Resource string }

// known is what the deployment's names stand for.
var known = map[string]string{
	"AWS::Partition": "aws", "AWS::Region": standin.Region, "AWS::AccountId": standin.Account, "AWS::StackName": "instar",
	"Prefix": standin.Prefix, "Bucket": standin.Bucket, "Bucket.Arn": "arn:aws:s3:::" + standin.Bucket,
	"Queue": standin.QueueURL, "Queue.Arn": standin.QueueARN, "AgentFunction": "instar-agent",
	"AgentFunction.Arn":   "arn:aws:lambda:" + standin.Region + ":" + standin.Account + ":function:instar-agent",
	"SandboxFunction":     "instar-sandbox",
	"SandboxFunction.Arn": "arn:aws:lambda:" + standin.Region + ":" + standin.Account + ":function:instar-sandbox",
}

// Load reads the file.
func Load(file string) (*Template, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	resolve(&root)
	t := new(Template)
	if err := root.Decode(t); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return t, nil
}

var variable = regexp.MustCompile(`\$\{([A-Za-z0-9:.]+)\}`)

// resolve replaces !Ref, !GetAtt and !Sub by text, !If by what holds when its
// condition does, and other functions by their arguments.
func resolve(n *yaml.Node) {
	if n.Tag == "!If" {
		*n = *n.Content[1]
	}
	switch n.Tag {
	case "!Ref", "!GetAtt":
		n.Tag, n.Value = "!!str", value(n.Value)
	case "!Sub":
		n.Tag, n.Value = "!!str", variable.ReplaceAllStringFunc(n.Value, func(s string) string { return value(s[2 : len(s)-1]) })
	default:
		if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
			n.Tag = ""
		}
	}
	for _, child := range n.Content {
		resolve(child)
	}
}

func value(name string) string {
	if v, ok := known[name]; ok {
		return v
	}
	return "${" + name + "}"
}

// Function is a function's properties, the globals under them.
func (t *Template) Function(name string) map[string]any {
	all := map[string]any{}
	if globals, ok := t.Globals["Function"].(map[string]any); ok {
		merge(all, globals)
	}
	merge(all, t.Resources[title(name)+"Function"].Properties)
	return all
}

func merge(into, from map[string]any) {
	for key, v := range from {
		inner, ok := v.(map[string]any)
		if before, both := into[key].(map[string]any); ok && both {
			merge(before, inner)
		} else if ok {
			copied := map[string]any{}
			merge(copied, inner)
			into[key] = copied
		} else {
			into[key] = v
		}
	}
}

func title(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// Rights are what a role allows, unless something denies it.
func (t *Template) Rights(role string) (rights []Right) {
	policies, _ := t.Resources[role].Properties["Policies"].([]any)
	for _, p := range policies {
		document, _ := p.(map[string]any)["PolicyDocument"].(map[string]any)
		statements, _ := document["Statement"].([]any)
		for _, s := range statements {
			if s.(map[string]any)["Effect"] != "Allow" {
				continue
			}
			for _, action := range texts(s.(map[string]any)["Action"]) {
				for _, resource := range texts(s.(map[string]any)["Resource"]) {
					rights = append(rights, Right{action, resource})
				}
			}
		}
	}
	return rights
}

func texts(v any) (all []string) {
	if list, ok := v.([]any); ok {
		for _, one := range list {
			all = append(all, fmt.Sprint(one))
		}
		return all
	}
	return []string{fmt.Sprint(v)}
}

// Allow finds the right by which a function may act on a resource.
func (t *Template) Allow(function, action, resource string) (Right, bool) {
	for _, r := range t.Rights(title(function) + "Role") {
		prefix, open := strings.CutSuffix(r.Resource, "*")
		if r.Action == action && (r.Resource == resource || open && strings.HasPrefix(resource, prefix)) {
			return r, true
		}
	}
	return Right{}, false
}
