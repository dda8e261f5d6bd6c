// Package native is what the platforms have in common on which functions are
// ordinary programs, with an environment, threads and sockets.
package native
