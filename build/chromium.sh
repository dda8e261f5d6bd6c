#!/bin/sh
# Makes sure there is a Chromium for the page's tests: $CHROMIUM, or Debian's.
set -eu
if [ -x "${CHROMIUM:-/usr/bin/chromium}" ]; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing Debian's chromium for the page's tests"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
  exit 0
fi
echo "The page's tests need Chromium. Install it with" >&2
echo "  sudo apt-get install -y chromium" >&2
echo "or set CHROMIUM to the path of one, and try again." >&2
exit 1
