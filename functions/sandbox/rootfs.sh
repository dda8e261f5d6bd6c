#!/bin/sh
# Makes the sandbox's base image from a Debian mirror, where no registry can be
# reached: a root file system made with debootstrap, imported into Docker.
# Needs root, debootstrap and a running dockerd. Usage: rootfs.sh [image name]
set -eu
image=${1:-instar-sandbox-base}
suite=${SUITE:-bookworm}
mirror=${MIRROR:-http://deb.debian.org/debian}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase \
  --include=git,python3,nodejs,ripgrep,jq,curl,ca-certificates \
  "$suite" "$root" "$mirror"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/doc "$root"/usr/share/man
# Nobody may log in as anybody: there is no password and no service.
tar -C "$root" --numeric-owner -c . | docker import - "$image"
