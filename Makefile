# `make serve` to see it, `make test` to check it. What they need is installed on the first run, under
# ~/.cache/terrarium (the scripts in tests/tools say how); nothing is installed globally but Chromium for
# the tests.

PORT ?= 8080

.PHONY: help serve build npm test bench fmt screenshots clean

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

serve: ## build the page and serve it on http://127.0.0.1:8080/ (PORT= for another port)
	@tests/tools/serve.sh $(PORT)

build: ## leave the page in dist/: static files with relative URLs
	@tests/tools/build.sh

npm: ## leave the npm package in target/npm/kafka-terrarium
	@tests/tools/npm.sh

test: ## formatting, lints, native and wasm tests, the page in Chromium, the npm package, real clients
	@tests/tools/test.sh

bench: ## measure the engine natively, as wasm under Node beside kafkajs, and the page in Chromium
	@tests/tools/bench.sh

fmt: ## format the sources
	@cargo fmt

screenshots: build ## pictures of the page into target/screenshots
	@node tests/tools/screenshots.mjs

clean: ## remove what was built; the tools stay in the cache
	@cargo clean
	@rm -rf dist
