#!/bin/sh
# Makes sure there is a Chromium for the tests: for the console's page $CHROMIUM, or
# Debian's, and the one of the sandbox's browser with what that needs.
set -eu
packages=
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] || packages=chromium
if ! command -v chromium-headless-shell || ! command -v certutil || ! [ -d /usr/share/fonts-droid-fallback ]; then
  packages="$packages chromium-headless-shell libnss3-tools fonts-droid-fallback"
fi >/dev/null
if [ -z "$packages" ]; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing Debian's Chromium for the tests:" $packages
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $packages >/dev/null
  exit 0
fi
echo "The tests in a browser need Chromium. Install it with" >&2
echo "  sudo apt-get install -y" $packages >&2
echo "or set CHROMIUM to the path of the console's, and try again." >&2
exit 1
