#!/bin/sh
# Makes an image of one Go program and nothing else, on the engine that $DOCKER_HOST
# names: there is nothing to pull.
#   build/sandbox/scratch.sh IMAGE PACKAGE
set -eu
cd "$(dirname "$0")/../.."
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
mkdir -p "$files/etc" "$files/tmp"
chmod 1777 "$files/tmp"
CGO_ENABLED=0 GOOS=linux go build -trimpath -ldflags='-s -w' -o "$files/main" "$2"
tar -C "$files" -c . | docker import --change 'ENTRYPOINT ["/main"]' - "$1" >/dev/null
