#!/bin/sh
# Makes an image of the sandbox's daemon, busybox and more Go programs, in seconds
# and with nothing to pull, on the engine that $DOCKER_HOST names: for tests.
#   build/sandbox/busybox.sh IMAGE [PACKAGE ...]
# BROWSER=1 adds the browser, with this machine's own Chromium (build/chromium.sh).
set -eu
cd "$(dirname "$0")/../.."
busybox=${BUSYBOX:-/bin/busybox}
if ! [ -x "$busybox" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends busybox-static; } >/dev/null
fi
if ! [ -x "$busybox" ]; then echo "there is no busybox: install busybox-static, or name one in BUSYBOX" >&2; exit 3; fi
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
mkdir -p "$files/bin" "$files/etc/ssl/certs" "$files/tmp"
chmod 1777 "$files/tmp"
cp "$busybox" "$files/bin/busybox"
"$busybox" --list | while read -r name; do [ "$name" = busybox ] || ln -s busybox "$files/bin/$name"; done
printf 'root:x:0:0::/:/bin/sh\nagent:x:1000:1000::/sandbox/workspace:/bin/sh\n' >"$files/etc/passwd"
# All TLS is ended outside of a container, by the authority that is put there.
ln -s /etc/cloudflare/certs/cloudflare-containers-ca.crt "$files/etc/ssl/certs/ca-certificates.crt"
image=$1
shift
for package; do CGO_ENABLED=0 GOOS=linux go build -trimpath -o "$files/bin/" "$package"; done
build/sandbox/daemon.sh "$(docker version --format '{{.Server.Arch}}')"
cp build/dist/sandbox/sandbox "$files/bin/sandbox"
if [ -n "${BROWSER:-}" ]; then
  cp build/dist/sandbox/browse "$files/bin/browse"
  ln -s /usr/lib/chromium/chromium-headless-shell "$files/bin/chromium-headless-shell"
  # What they are linked with, and what they open by themselves.
  nss=$(dirname "$(ldd /usr/bin/certutil | awk '/libnss3/ { print $3 }')")
  set -- /usr/lib/chromium/chromium-headless-shell /usr/bin/certutil "$nss"/libsoftokn3.so "$nss"/libfreebl3.so "$nss"/libfreeblpriv3.so
  { ldd "$@" | awk '$2 == "=>" { print $3 } $1 ~ "^/" && $1 !~ ":$" { print $1 }'
    ls "$@" "$nss"/libsoftokn3.chk "$nss"/libfreebl*.chk /usr/lib/chromium/*.pak /usr/lib/chromium/*.bin /usr/lib/chromium/*.dat /usr/lib/chromium/lib*.so
    find /etc/fonts /usr/share/fontconfig /usr/share/fonts /usr/share/fonts-droid-fallback -type f -o -type l
  } | sort -u | tar -C / -c -h -T - 2>/dev/null | tar -C "$files" -x
fi
tar -C "$files" --numeric-owner --owner=0 --group=0 -c . | docker import --change 'ENTRYPOINT ["/bin/sandbox"]' - "$image" >/dev/null
