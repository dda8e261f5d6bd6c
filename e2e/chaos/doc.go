//go:build e2e

// Package chaos tests the promise that every message gets exactly one answer
// whatever crashes: on the real runtime, with the outside services played by
// fakes, by counting what a person would see in the chats.
//
// `make test` runs the short form, `make chaos` the long one. What happens is
// chosen by a seed, which is printed; -seed repeats it, as far as two cores and
// a clock allow.
package chaos
