#!/bin/sh
# Compiles one program to Wasm, and Go's own JavaScript support file to a module
# that takes the global object a program shall see.
#   build/wasm.sh PACKAGE OUTPUT.wasm
set -eu
cd "$(dirname "$0")/.."
mkdir -p build/dist "$(dirname "$2")"
GOOS=js GOARCH=wasm go build -trimpath -ldflags='-s -w' -o "$2" "$1"
{
  echo 'export default function (globalThis) {'
  cat "$(go env GOROOT)/lib/wasm/wasm_exec.js"
  echo 'return globalThis.Go; }'
} > build/dist/go.mjs.$$
mv build/dist/go.mjs.$$ build/dist/go.mjs
