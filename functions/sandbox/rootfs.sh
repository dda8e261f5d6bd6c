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
# The browser comes with the security updates: there is a new one every week.
echo "deb ${SECURITY:-http://deb.debian.org/debian-security} $suite-security main" >>"$root/etc/apt/sources.list"
chroot "$root" sh -c 'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get upgrade -y &&
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium-headless-shell libnss3-tools fonts-droid-fallback'
# Drivers and tools of a GPU, which is not there: 190 MB.
rm -rf "$root"/usr/lib/*/libLLVM* "$root"/usr/lib/*/libz3* "$root"/usr/lib/*/dri "$root"/usr/lib/chromium/libVkLayer*
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/cache/apt/*.bin "$root"/var/lib/apt/lists/* "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale
# Nobody may log in as anybody: there is no password and no service.
tar -C "$root" --numeric-owner -c . | docker import - "$image"
