#!/bin/sh
# Runs a Docker engine of its own in a folder, and stops it when it is told to or
# when its parent has ended: for tests, and for machines where none is installed.
# Nothing else of the machine is changed, but for a network bridge that is gone with
# it. It does no NAT, so its containers reach this machine alone.
#   build/sandbox/dockerd.sh FOLDER      the socket is FOLDER/docker.sock
set -eu
folder=$1
parent=$PPID
if [ "$(id -u)" != 0 ]; then echo "a Docker engine needs root" >&2; exit 3; fi
if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null || ! command -v ip >/dev/null; then
  if ! command -v apt-get >/dev/null; then echo "there is no dockerd, and no apt-get to install it" >&2; exit 3; fi
  apt-get update -qq >&2
  cli=$(apt-cache search --names-only '^docker-cli$' | cut -d' ' -f1) # newer Debians have it apart
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io $cli iptables iproute2 >&2
fi
mkdir -p "$folder"

# A bridge with an address that nobody has. workerd asks for its gateway.
bridge=sbx$$
part=$(($$ % 250))
while ip -4 -o addr | grep -q "10\.213\.$part\."; do part=$(((part + 1) % 250)); done
ip link add "$bridge" type bridge
ip addr add "10.213.$part.1/24" dev "$bridge"
ip link set "$bridge" up

dockerd --host "unix://$folder/docker.sock" --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" \
  --bridge "$bridge" --iptables=false --ip6tables=false --ip-masq=false >"$folder/log" 2>&1 &
engine=$!
finish() {
  trap - TERM INT HUP EXIT
  kill "$engine" 2>/dev/null || true
  wait "$engine" 2>/dev/null || true
  ip link del "$bridge" 2>/dev/null || true
}
trap finish TERM INT HUP EXIT
while kill -0 "$engine" 2>/dev/null && kill -0 "$parent" 2>/dev/null; do sleep 1 & wait $! || true; done
