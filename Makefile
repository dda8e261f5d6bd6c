# Everything runs with the project's own Node and wrangler (package.json).
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export WRANGLER_SEND_METRICS := false

FUNCTIONS := webhook agent console schedule

.PHONY: help run run-local build functions assets sandbox sandbox-daemon test test-unit test-e2e s3-server chaos chaos-agent chromium bench deploy lambda lint clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' Makefile | sed -E 's/^([a-z0-9-]+):.*## /  make \1\t/' | expand -t 20

run: build ## serve everything on http://localhost:$PORT (8787), state in $STATE
	@exec node build/run.mjs

run-local: assets ## the same without the Workers runtime, as one Go program; state in $STATE (.instar/state)
	@go build -o build/dist/local ./functions/local
	@exec build/dist/local

build: functions assets ## Wasm modules and the console's page, in build/dist

functions: node_modules/.installed
	@for f in $(FUNCTIONS); do build/wasm.sh ./functions/$$f/workers build/dist/$$f.wasm || exit 1; done

assets: node_modules/.installed
	@node build/page.mjs

sandbox: node_modules/.installed ## the sandbox's image, for make run with Docker; OFFLINE=1 pulls nothing
	@build/sandbox/image.sh

sandbox-daemon:
	@build/sandbox/daemon.sh

node_modules/.installed: package.json package-lock.json
	@# not "npm ci": it refuses where a registry lacks another platform's optional package
	@npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

test: lint test-unit test-e2e ## everything

test-unit: ## the part under a minute: no runtime, no browser
	go test ./shared/... ./functions/... ./e2e/fake/... ./e2e/lambda/template

test-e2e: build chaos-agent chromium s3-server ## conformance and black-box suites on workerd, on this machine and on a stand-in of Lambda, the page in Chromium
	go test -tags e2e -count=1 -p 1 -timeout 20m ./functions/sandbox/browse ./functions/sandbox/container ./e2e/...
	INSTAR=local go test -tags e2e -count=1 -timeout 10m ./e2e/chat
	INSTAR=lambda go test -tags e2e -count=1 -timeout 10m ./e2e/chat
	@cat build/dist/test/sandbox-not-tested 2>/dev/null || true
	node --test build/worker/*.test.mjs e2e/console/parts.test.mjs e2e/console/console.test.mjs

chaos: build chaos-agent ## the long form of e2e/chaos: 500 messages, every step; ARGS="-seed 7" repeats
	go test -tags e2e -count=1 -v -timeout 60m ./e2e/chaos -long $(ARGS)

chaos-agent: node_modules/.installed
	@TAGS=chaos build/wasm.sh ./functions/agent/workers build/dist/chaos/agent.wasm

chromium:
	@build/chromium.sh

s3-server:
	@build/s3.sh

bench: build ## benchmarks as a table and in build/dist/bench.json
	go run ./e2e/bench

deploy: build sandbox-daemon ## create what is missing in the Cloudflare account, deploy
	@node build/deploy.mjs

lambda: assets ## one zip a function for AWS Lambda, in build/dist/lambda; LAMBDA_ARCH=arm64 or amd64
	@go run ./build/lambda

lint: ## vet for both platforms, staticcheck, format
	@test -z "$$(gofmt -l shared functions e2e cmd 2>/dev/null)" || { gofmt -l shared functions e2e cmd; echo "run gofmt -w on these"; exit 1; }
	go vet -tags e2e ./...
	GOOS=js GOARCH=wasm go vet ./shared/... ./functions/...
	go tool staticcheck -tags e2e ./...

clean: ## remove what was built and the local state
	rm -rf build/dist .wrangler .instar
