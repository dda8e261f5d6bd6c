#!/bin/sh
# Compiles one program to Wasm, and Go's own JavaScript support file to a module
# that takes the global object a program shall see. A file that would not change
# is left alone: a running `wrangler dev` reloads when one does.
#   build/wasm.sh PACKAGE OUTPUT.wasm     build tags in TAGS
set -eu
cd "$(dirname "$0")/.."
mkdir -p build/dist "$(dirname "$2")"

replace() { # TEMPORARY FILE
  if cmp -s "$1" "$2"; then rm "$1"; else mv "$1" "$2"; fi
}

GOOS=js GOARCH=wasm go build -trimpath -tags "${TAGS:-}" -ldflags='-s -w' -o "$2.$$" "$1"
replace "$2.$$" "$2"
{
  echo 'export default function (globalThis) {'
  cat "$(go env GOROOT)/lib/wasm/wasm_exec.js"
  echo 'return globalThis.Go; }'
} > build/dist/go.mjs.$$
replace build/dist/go.mjs.$$ build/dist/go.mjs
