//go:build js && wasm && !chaos

package main

import "instar/shared/bucket"

// wrap is where the chaos build (bucket_chaos.go) puts its faults.
func wrap(b bucket.Bucket) bucket.Bucket { return b }
