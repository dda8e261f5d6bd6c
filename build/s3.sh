#!/bin/sh
# Builds the S3 server of the tests, a module of its own: build/dist/bin/s3.
set -eu
cd "$(dirname "$0")/../e2e/s3server/gateway"
CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o ../../../build/dist/bin/s3 .
