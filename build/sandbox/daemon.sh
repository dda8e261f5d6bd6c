#!/bin/sh
# Compiles the sandbox's daemon and its browser's program, alone in the folder from
# which their image is built.
#   build/sandbox/daemon.sh [ARCHITECTURE]      amd64, which is Cloudflare's
set -eu
cd "$(dirname "$0")/../.."
export CGO_ENABLED=0 GOOS=linux GOARCH="${1:-amd64}"
go build -trimpath -ldflags='-s -w' -o build/dist/sandbox/sandbox ./functions/sandbox/container
go build -trimpath -ldflags='-s -w' -o build/dist/sandbox/browse ./functions/sandbox/browse
