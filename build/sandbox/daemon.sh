#!/bin/sh
# Compiles the sandbox's daemon, alone in the folder from which its image is built.
#   build/sandbox/daemon.sh [ARCHITECTURE]      amd64, which is Cloudflare's
set -eu
cd "$(dirname "$0")/../.."
CGO_ENABLED=0 GOOS=linux GOARCH=${1:-amd64} go build -trimpath -ldflags='-s -w' -o build/dist/sandbox/sandbox ./functions/sandbox/container
