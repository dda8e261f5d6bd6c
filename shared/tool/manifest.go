package tool

import (
	"instar/shared/label"
	"instar/shared/policy"
)

// own is the manifest of a tool that is part of this program: its result is the
// program's own words, except for what it taints the window with, and the
// owner's affair. In a turn that nobody else's text is in, it runs.
func own(effect policy.Effect, roles map[string]policy.ArgRole) *policy.Manifest {
	return &policy.Manifest{
		Effect: effect, ArgRoles: roles, Setting: policy.Allow,
		OutputIntegrity: label.System, OutputConfidentiality: label.Private,
	}
}
