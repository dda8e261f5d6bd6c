# Everything runs with the project's own Node and wrangler (package.json).
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export WRANGLER_SEND_METRICS := false

FUNCTIONS := webhook agent console schedule

.PHONY: run build functions assets test test-unit test-e2e bench deploy lint clean

run: build ## serve everything on http://localhost:$PORT
	@exec node build/run.mjs

build: functions assets ## Wasm modules and the console's page in build/dist

functions: node_modules/.installed
	@for f in $(FUNCTIONS); do build/wasm.sh ./functions/$$f/workers build/dist/$$f.wasm || exit 1; done

assets: node_modules/.installed
	@node console/build.mjs

node_modules/.installed: package.json package-lock.json
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

test-unit: ## the part under a minute
	go test ./shared/... ./functions/...

clean:
	rm -rf build/dist .wrangler
