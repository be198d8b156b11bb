# The door for developers. `make` alone tells what there is.
SHELL := bash
.DELETE_ON_ERROR:
SEEDS ?= 200
PEERS ?= 3

help: ## tell what there is
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

node_modules/.installed: package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

install: node_modules/.installed ## install what the project needs

dist/main.js: node_modules/.installed vite.program.config.ts start.cjs package.json $(shell find src -name '*.ts' -not -path 'src/web/page/*')
	npx vite build --config vite.program.config.ts --logLevel warn
	@sed 's/"type": "module"/"type": "commonjs"/' package.json >dist/package.json
	@echo '{ "type": "module" }' >dist/program/package.json
	@install -m 755 start.cjs dist/main.js

dist/page/index.html: node_modules/.installed vite.config.ts $(shell find src/web/page -type f)
	npx vite build --logLevel warn

build: dist/main.js dist/page/index.html ## build the program and its page: dist/main.js, dist/page

demo: build ## peers on this machine and a client shell: make demo PEERS=50 FILES="a.iso b.iso" (or a number)
	@node peers/demo.mjs --peers "$(PEERS)" $(if $(FILES),--files $(FILES))

peer: build ## one peer: make peer PEER=peers/alpha.yaml
	node dist/main.js up --config $(PEER)

check: install ## types, lint, tidiness: seconds
	npx tsc -p tsconfig.json --incremental --tsBuildInfoFile node_modules/.cache/check.tsbuildinfo
	npx svelte-check --tsconfig src/web/page/tsconfig.json --fail-on-warnings --output human
	npx biome check --error-on-warnings
	npx vitest run test/tidy.test.ts --reporter=dot

test: build check ## every test: half an hour at most on two cores
	@bash test/run.sh

sim: install ## simulated meshes: make sim SEEDS=500, or SEED=123 for one
	@npx tsx test/sim/run.ts --seeds $(SEEDS) $(if $(SEED),--seed $(SEED)) $(if $(BUG),--bug $(BUG))

bench: build ## measure the figures: docs/performance.md
	@npx tsx test/bench/run.ts

trial: build check ## the long form: 2,000 seeds, every planted bug, all figures
	@SEEDS=2000 TRIAL=1 bash test/run.sh
	@npx tsx test/sim/planted.ts
	@npx tsx test/bench/run.ts

clean: ## remove what was built
	rm -rf dist coverage sim-failures.txt

.PHONY: help install build demo peer check test sim bench trial clean
