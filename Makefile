# Everything that is built lands in bin/; everything that is used is pinned by a go.mod in this repository.
# Only Go, git and make are needed; the tests of mail and those in a browser also want a Debian with apt-get, and the latter Node.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The steps keep both cores busy by themselves; side by side they would only compile the same packages twice.
.NOTPARALLEL:

# No cgo: the programs are static, need no C compiler, and share one build cache.
export CGO_ENABLED := 0

# The control plane that tests, demo and benchmarks run on. Somebody else's binaries can be used instead.
ifdef KUBEBUILDER_ASSETS
controlplane_programs :=
else
export KUBEBUILDER_ASSETS := $(CURDIR)/bin/k8s
controlplane_programs := $(addprefix bin/k8s/,etcd kube-apiserver kube-controller-manager kubectl)
endif

##@ Use

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*##/ {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: demo ## Run all of Rollcall on this machine, with a sandbox LMS, until Ctrl-C
	@exec bin/demo

.PHONY: demo
demo: build controlplane
	@hack/build.sh 'the demo and its sandbox' . -o bin/ ./hack/demo ./hack/sandbox

.PHONY: build
build: ## Build bin/rollcall
	@hack/build.sh rollcall . -o bin/rollcall .

##@ Develop

.PHONY: test
test: controlplane bin/exim/exim4 ## Run every test; GOTESTFLAGS adds flags of "go test"
	CGO_ENABLED=$(cgo) go test $(race) -timeout 20m $(GOTESTFLAGS) ./...

# The race detector is the one thing that needs a C compiler; without one the tests run without it.
cgo = $(shell env -u CGO_ENABLED go env CGO_ENABLED)
race = $(if $(filter 1,$(cgo)),-race)

.PHONY: lint
lint: bin/golangci-lint ## Check the code's style and its usual mistakes
	bin/golangci-lint run ./...

.PHONY: generate
generate: bin/controller-gen bin/oapi-codegen ## Generate deep copies, apply configurations, CRDs, RBAC, the test client and the tables of docs/kinds
	bin/controller-gen object applyconfiguration paths=./api/...
	bin/controller-gen crd paths=./api/... output:crd:dir=config/crd/bases
	bin/controller-gen rbac:roleName=rollcall-manager paths='./controllers/...;./webhook/...' output:rbac:dir=config/rbac
	bin/oapi-codegen -config internal/testclient/oapi-codegen.yaml webhook/ingest/openapi.yaml
	go run ./hack/kinddocs

.PHONY: verify
verify: ## Check that generated files and every go.mod are up to date
	@hack/verify.sh

.PHONY: fmt
fmt: bin/golangci-lint ## Format the code
	bin/golangci-lint fmt

.PHONY: bench
bench: controlplane ## Measure ingest against the API server, and what LMS calls learners take by each route; BENCHFLAGS=--quick is shorter
	go run ./hack/bench --date "$$(date -u +%F)" $(BENCHFLAGS)

ROUNDS ?= 20
.PHONY: test-faults
test-faults: controlplane ## Kill Rollcall, kube-apiserver and etcd under load, ROUNDS (20) times
	go test -count=1 -timeout 1h -v $(GOTESTFLAGS) ./test/faults -faults.rounds=$(ROUNDS)

RUNS ?= 200
SEED ?= $(shell date +%s)
.PHONY: test-model
test-model: controlplane ## Play RUNS (200) random sequences of all that happens, others each time or those of SEED, and compare the LMS with a reference
	go test -count=1 -timeout 4h -parallel 8 -run TestOnceCalmReturns . -model.runs=$(RUNS) -model.seed=$(SEED) $(GOTESTFLAGS)

.PHONY: test-browser
test-browser: demo ## Use the learner's page, and what "make run" shows of it, in Debian's Chromium; pictures are in bin/browser
	@hack/chromium.sh
	CGO_ENABLED=$(cgo) go build $(race) -o bin/browser/serve ./test/browser/serve
	cd test/browser && npm ci --no-audit --no-fund && node --test --test-concurrency=2

FUZZTIME ?= 20s
.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (20s)
	@grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | while IFS=: read -r file func; do \
	  go test -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")"; \
	done

.PHONY: clean
clean: ## Remove bin/
	rm -rf bin

##@ Tools

.PHONY: controlplane
controlplane: $(controlplane_programs) ## Build etcd, kube-apiserver, kube-controller-manager and kubectl into bin/k8s

# kube-apiserver and kubectl report their version from these; without them they claim to be development builds.
k8s_version = $(shell cd hack/controlplane && go list -m -f '{{.Version}}' k8s.io/kubernetes)
k8s_release = $(subst ., ,$(k8s_version:v%=%))
k8s_ldflags = -s -w \
  -X k8s.io/component-base/version.gitVersion=$(k8s_version) \
  -X k8s.io/component-base/version.gitMajor=$(word 1,$(k8s_release)) \
  -X k8s.io/component-base/version.gitMinor=$(word 2,$(k8s_release))

bin/k8s/etcd bin/k8s/kube-apiserver bin/k8s/kube-controller-manager bin/k8s/kubectl &: \
  hack/controlplane/go.mod hack/controlplane/go.sum
	@echo 'The control plane is built from source, once: about 6 minutes on 2 cores. KUBEBUILDER_ASSETS would spare it.'
	@rm -rf bin/k8s.new && mkdir -p bin/k8s bin/k8s.new
	@hack/build.sh 'the control plane' hack/controlplane -o ../../bin/k8s.new/ -ldflags '$(k8s_ldflags)' tool
	@mv bin/k8s.new/server bin/k8s.new/etcd # etcd's main package is called server
	@touch bin/k8s.new/* && mv bin/k8s.new/* bin/k8s/ && rmdir bin/k8s.new

# Debian's mail server, which messages to mentors are tested with.
bin/exim/exim4: hack/exim.sh
	@hack/exim.sh bin/exim

tools_module := hack/tools/go.mod hack/tools/go.sum

bin/controller-gen: $(tools_module)
	@hack/build.sh controller-gen hack/tools -o ../../bin/ sigs.k8s.io/controller-tools/cmd/controller-gen
	@touch $@

bin/oapi-codegen: $(tools_module)
	@hack/build.sh oapi-codegen hack/tools -o ../../bin/ github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen
	@touch $@

bin/golangci-lint: $(tools_module) hack/tools/golangci-lint/main.go
	@hack/build.sh golangci-lint hack/tools -o ../../bin/ ./golangci-lint
	@touch $@
