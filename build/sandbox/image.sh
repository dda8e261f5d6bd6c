#!/bin/sh
# Makes what `make run` needs to run the sandbox, on the Docker engine that
# $DOCKER_HOST names: the image instar-sandbox, and the image that workerd starts
# beside each container to take what leaves it. Where no registry can be reached,
# OFFLINE=1 makes them of Debian's packages (root, a mirror; $MIRROR names one) and
# of a stand-in of our own: for development, it is not what isolates a container.
set -eu
cd "$(dirname "$0")/../.."
if ! docker version >/dev/null 2>&1; then
  echo "no Docker engine answers: start Docker, or name its socket in DOCKER_HOST" >&2
  exit 1
fi
build/sandbox/daemon.sh "$(docker version --format '{{.Server.Arch}}')"

if [ -n "${OFFLINE:-}" ]; then
  docker image inspect instar-sandbox-base >/dev/null 2>&1 || functions/sandbox/rootfs.sh
  set -- --build-arg BASE=instar-sandbox-base
  build/sandbox/scratch.sh instar-egress ./e2e/sandbox/egress
else
  set --
  egress=$(grep -om1 'cloudflare/proxy-everything:[^"]*' node_modules/miniflare/dist/src/index.js)
  docker image inspect "$egress" >/dev/null 2>&1 || docker pull "$egress"
fi
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
docker build --tag instar-sandbox --file functions/sandbox/Dockerfile "$@" build/dist/sandbox
