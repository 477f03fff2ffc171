# What one does here. `make` alone lists the targets.

GO        ?= go
SHELL     := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The race detector and SQLite want a C compiler. No build tags.
export CGO_ENABLED := 1

# Data sets for the tests over real input: a folder with ml-100k, ml-1m, ... Empty: those tests skip.
CINESYNC_DATA ?= $(realpath $(wildcard ../shared/data))
export CINESYNC_DATA

PACKAGES ?= ./...
FUZZTIME ?= 10s
FUZZ     ?= .
BENCH    ?= .
VULNDB   ?=

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## learn, recommend and audit on this machine: 24 devices, a few minutes (ARGS="--rounds 3 --json")
	$(GO) run ./cmd/cinesync demo $(ARGS)

.PHONY: build
build: ## build the programs into bin/
	$(GO) build -trimpath -o bin/ ./cmd/...

.PHONY: test
test: lint race ## what must hold: compiles, lints, passes under the race detector (the rules of the house included)

.PHONY: race
race: ## run all tests under the race detector (PACKAGES=./privacy)
	$(GO) test -race -timeout 30m $(PACKAGES)

.PHONY: lint
lint: ## gofmt, vet, staticcheck; golangci-lint with .golangci.yml where it is installed
	$(GO) build $(PACKAGES)
	@changed=$$(gofmt -l .); if [ -n "$$changed" ]; then echo "gofmt would change:"; echo "$$changed"; exit 1; fi
	$(GO) vet $(PACKAGES)
	$(GO) tool staticcheck $(PACKAGES)
	@if command -v golangci-lint >/dev/null; then golangci-lint run $(PACKAGES); fi

.PHONY: arm64
arm64: ## build everything for arm64 (SQLite wants a C compiler for it: Debian's gcc-aarch64-linux-gnu; CROSS= names another)
	@compiler=$(or $(CROSS),aarch64-linux-gnu-gcc); \
	if ! command -v "$$compiler" >/dev/null; then echo "arm64: there is no $$compiler: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross" >&2; exit 1; fi; \
	CC=$$compiler GOARCH=arm64 $(GO) build $(PACKAGES)

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME=10s (FUZZ=Parse picks by name)
	@grep -rE --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]+' . | sed 's/:func / /' | sort -u | \
	while read -r file name; do \
		if ! grep -qE '$(FUZZ)' <<< "$$name"; then continue; fi; \
		echo "== $$(dirname "$$file") $$name"; \
		$(GO) test "./$$(dirname "$$file")" -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) </dev/null; \
	done

.PHONY: bench
bench: ## run the benchmarks and print their ratios to the baselines of the same run (BENCH=Mask)
	@mkdir -p bin
	@grep -rlE --include='*_test.go' '^func Benchmark' . | xargs -n1 dirname | sort -u | \
		xargs $(GO) test -run '^$$' -bench '$(BENCH)' -benchtime 200ms | tee bin/bench.txt
	@echo; echo "ratios"; \
		awk '/^pkg:/ {pkg = $$2; sub("^[^/]*/[^/]*/[^/]*/", "", pkg)} \
			/^Benchmark/ {for (i = 3; i < NF; i++) if ($$(i+1) ~ /^x-/) printf "%8s %-24s %-24s %s\n", $$i, $$(i+1), pkg, $$1}' bin/bench.txt

.PHONY: hostile
hostile: ## play every attack of the specification against real devices: a line each with rule, refusals, tests run
	@cd sim/hostile && $(GO) test -count 1 -run '^TestAttacks$$' -table
	@cd sim && $(GO) test -count 1 -run '^TestHostileDevices$$' -table

.PHONY: ptx
ptx: ## compile the GPU kernels again (clang 14; KERNELS="masks.cu" picks)
	@gpu/kernels/build.sh
	git diff --stat

# A machine with a GPU need not have Go: what gpu-build leaves in bin/gpu runs there by the same targets.
GPU_ROOMS := $(patsubst ./%/,%,$(sort $(dir $(wildcard ./gpu/*_test.go ./gpu/*/*_test.go ./cmd/internal/accel/*_test.go))))

.PHONY: gpu-build
gpu-build: ## build the tests and benchmarks of the GPU rooms into bin/gpu
	@if command -v $(GO) >/dev/null; then \
		rm -rf bin/gpu; mkdir -p bin/gpu; \
		for room in $(filter-out gpu/kernels,$(GPU_ROOMS)); do \
			$(GO) test -c -trimpath -ldflags='-s -w' -o "bin/gpu/$$(echo "$$room" | tr / -).test" "./$$room"; \
		done; \
	elif [ ! -d bin/gpu ]; then echo "gpu-build: there is no Go here; run make gpu-build elsewhere and bring bin/gpu" >&2; exit 1; fi

.PHONY: gpu-test
gpu-test: gpu-build ## run every test that needs a GPU, and fail where there is none (SANITIZER="compute-sanitizer --error-exitcode 9" watches it)
	@for room in $(filter-out gpu/kernels,$(GPU_ROOMS)); do \
		echo "== $$room"; \
		(cd "$$room" && CINESYNC_GPU_REQUIRED=1 $(SANITIZER) "$(CURDIR)/bin/gpu/$$(echo "$$room" | tr / -).test" -test.timeout 20m $(if $(SANITIZER),-test.short)); \
	done

.PHONY: gpu-bench
gpu-bench: gpu-build ## time the GPU rooms beside their ceilings, the CPU and, where it is installed, PyTorch (BENCH=Top)
	@bench/gpu/run "$(BENCH)" $(filter-out gpu/kernels,$(GPU_ROOMS))

.PHONY: soak-ledger
soak-ledger: ## debit every ledger: a million debits of each value, ten thousand through each store with crashes; a line each
	@soak() { CINESYNC_SOAK=$$1 $(GO) test -count 1 -timeout 30m -v -run '^TestSoakLedger' "$${@:2}" | \
		awk '/ soak: / {sub(/^.* soak: /, ""); print; fflush(); next} !/^(ok |PASS|=== | *--- PASS)/ {print}'; }; \
	soak 1000000 ./privacy; \
	soak 10000 $$(grep -rlE --include='*_test.go' '^func TestSoakLedger' . | xargs -n1 dirname | sort -u | grep -vx ./privacy)

.PHONY: interop
interop: ## close rounds with a second client, in Python from the specification (network, once, where `cryptography` is missing)
	@python=python3; \
	if ! python3 -c 'import cryptography' 2>/dev/null; then \
		python=$(CURDIR)/bin/interop/bin/python; \
		if [ ! -x "$$python" ]; then python3 -m venv bin/interop; fi; \
		"$$python" -m pip install --quiet --disable-pip-version-check -r interop/requirements.txt; \
	fi; \
	CINESYNC_INTEROP_REQUIRED=1 CINESYNC_PYTHON="$$python" $(GO) test -count 1 -timeout 5m -v ./cmd/internal/interop

.PHONY: oracle
oracle: ## hold the accountants against Google's dp-accounting on 500 random settings (network, once; minutes)
	@python=$(CURDIR)/bin/oracle/bin/python; \
	if [ ! -x "$$python" ]; then python3 -m venv bin/oracle; fi; \
	"$$python" -m pip install --quiet --disable-pip-version-check -r cmd/internal/oracle/requirements.txt; \
	CINESYNC_ORACLE_PYTHON="$$python" $(GO) test -count 1 -timeout 30m -v ./cmd/internal/oracle

.PHONY: bench-peers
bench-peers: ## measure ourselves beside Flower, PyTorch and pfl-research at the same work (network, minutes; PARTS="pytorch pfl round"; ENGINE= leaves Flower's slow engine out)
	@bench/peers/run

.PHONY: wire
wire: ## measure bytes a participation and what ranks cost in accuracy, as decision 43 shows them (minutes; CINESYNC_DATA)
	@test -n "$(CINESYNC_DATA)" || { echo "wire: set CINESYNC_DATA to the folder that holds ml-1m"; exit 1; }
	@mkdir -p bin/wire; $(GO) build -o bin/cinesync-train ./cmd/cinesync
	@for rank in 0 16 8 4; do \
		echo "== rank $$rank"; \
		sed "s/^rank = .*/rank = $$rank/" bench/wire/ml-1m.toml > bin/wire/rank-$$rank.toml; \
		bin/cinesync-train train --task bin/wire/rank-$$rank.toml --data "$(CINESYNC_DATA)"; \
	done
	$(GO) test ./sim/learning -run '^$$' -bench Download -benchtime 1x

# A row of docs/accuracy.md each. Curves are drawn where they are the point: against rounds, against bytes, against ε.
ACCURACY       ?= ml-1m-100 ml-1m ml-100k ml-1m-eps8 ml-1m-eps2 sim-100k-eps2 sim-1m-eps1 order-free ncf ml-100k-eps8
ACCURACY_QUICK ?= ml-100k

.PHONY: accuracy-quick
accuracy-quick: ## train ML-100K without noise and hold it against what docs/accuracy.md promises (minutes; CINESYNC_DATA)
	@if [ -z "$(CINESYNC_DATA)" ]; then echo "accuracy-quick: skipped, set CINESYNC_DATA to the folder that holds ml-100k"; exit 0; fi; \
	mkdir -p bin; $(GO) build -o bin/cinesync-train ./cmd/cinesync; \
	for task in $(ACCURACY_QUICK); do bin/cinesync-train train --task $$task --data "$(CINESYNC_DATA)" --seeds 1 --least 0.72/0.44; done

.PHONY: accuracy
accuracy: ## train all rows of docs/accuracy.md and write the page (hours; CINESYNC_DATA; ACCURACY="ml-1m ncf" picks)
	@test -n "$(CINESYNC_DATA)" || { echo "accuracy: set CINESYNC_DATA to the folder that holds ml-100k and ml-1m"; exit 1; }
	@mkdir -p bin/accuracy; $(GO) build -o bin/cinesync-train ./cmd/cinesync
	@for task in $(ACCURACY); do \
		curve=; case $$task in ml-100k-eps8) curve=epsilon=1,2,4,16;; ml-1m-100) curve=bytes;; ml-1m | ml-100k) curve=rounds;; esac; \
		echo "== $$task $${curve:+, curve against $$curve}"; \
		bin/cinesync-train train --task $$task --data "$(CINESYNC_DATA)" $${curve:+--curve $$curve --plot bin/accuracy/$$task.svg} --json > bin/accuracy/$$task.tmp; \
		mv bin/accuracy/$$task.tmp bin/accuracy/$$task.json; \
	done
	bin/cinesync-train train page --runs bin/accuracy --out docs/accuracy.md

.PHONY: golden
golden: ## rewrite the golden files (-update); read the difference before it is committed
	@grep -rlE --include='*_test.go' 'flag\.Bool\("update"' . | xargs -n1 dirname | sort -u | \
		while read -r folder; do $(GO) test "$$folder" -update </dev/null; done
	git diff --stat

.PHONY: asm
asm: ## write the generated assembly again (avo, in modules of its own under _asm; network, once)
	@find . -type d -name _asm | sort | while read -r folder; do \
		echo "== $$folder"; \
		(cd "$$folder" && $(GO) generate ./... </dev/null); \
	done
	git diff --stat

.PHONY: vuln
vuln: ## govulncheck (VULNDB=DIR: a database unpacked there, no network)
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0 $(if $(VULNDB),-db "file://$(abspath $(VULNDB))") $(PACKAGES)

.PHONY: check
check: test build ## what one runs before pushing: test, build, modules unchanged and tidy
	$(GO) mod verify
	$(GO) mod tidy -diff
