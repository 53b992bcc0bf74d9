# make            build bin/tssh and the name bin/tsshd
# make bundle     bin/tssh that brings tsshd to Linux on amd64 and arm64, as a release does
# make servers    the same, and tsshd for all other machines, in bin
# make release    all that users install, in dist (ONLY=linux/amd64,linux/arm64: these)
# make machines   tests on servers of other kinds and Windows, by emulators (as root)
# make release-test  tests of what make release made; make reproducible builds it once more and compares
# make demo       try it: a session on this machine that survives a lost network
# make check      gofmt, vet on seven systems and odd processors, builds for three, staticcheck, import arrows
# make quick      while editing: builds, and the tests of parts that take no time
# make test       every test (some need root and say so)
# make regress    OpenSSH's own tests with tssh as the client, and programs on top
# make race       every test but those of whole programs, by the race detector (needs cgo)
# make bench      benchmarks of what bytes and keys go through: bytes a second, allocations
# make fuzz       a short run of every fuzz target: FUZZTIME=10s each, FUZZ=./client only there
# make install    PREFIX=~/.local by default

GO ?= go
PREFIX ?= $(HOME)/.local
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
SYSTEMS = linux darwin windows freebsd openbsd netbsd dragonfly
BUILT = darwin windows freebsd # of those, by the compiler too
OTHERS = 386 arm mips64le # of Linux: 32 bits, or no number at an odd address
# inherit: ignore the signals that were ignored when tssh began; see inherited_linux.go.
FLAGS = -tags inherit -ldflags '-s -w -checklinkname=0'
FUZZTIME ?= 10s
FUZZ ?= .
ARROWS = Test.*(Arrows|Leaves|Pure|Shallow|Small|Harness|Watched|IsRead|IsLent|NeverEnds)

export CGO_ENABLED = 0
# For all: what the program is built of is compiled once, for it and for tests.
export GOFLAGS += -trimpath

.PHONY: all build bundle servers release machines release-test reproducible demo check quick test race regress bench fuzz install uninstall clean

all: build

build:
	$(GO) build $(FLAGS) -o bin/tssh .
	@ln -sf tssh bin/tsshd

bundle servers:
	$(GO) run ./release $@

release:
	$(GO) run ./release $(if $(ONLY),-only $(ONLY)) $(if $(SITE),-home $(SITE)) dist

EMULATED = arm64 s390x
machines:
	sh e2e/machines.sh bin/machines $(EMULATED)
	$(GO) run ./release -only linux/amd64,linux/arm64,linux/s390x servers
	$(GO) test -count=1 -v -timeout 20m ./e2e -run 'OtherMachines|MachineWithoutABuild|Windows' \
		-tssh '$(CURDIR)/bin/tssh' -machines '$(CURDIR)/bin/machines'

release-test:
	sh e2e/machines.sh bin/machines
	$(GO) test -count=1 -v -timeout 40m ./release -dist '$(CURDIR)/dist' -skip TestBuildsAreReproducible

# From nothing, in another folder: minutes.
reproducible:
	$(GO) test -count=1 -v -timeout 40m ./release -dist '$(CURDIR)/dist' -run TestBuildsAreReproducible

demo: build
	bin/tssh --demo

check:
	@out=$$(gofmt -l .); [ -z "$$out" ] || { echo "gofmt would change:"; echo "$$out"; exit 1; }
	@echo "vet here"; $(GO) vet ./...
	@$(GO) build -C .ci/vet -o '$(CURDIR)/bin/vet' .
	@names='s/^    \([a-z]*\) .*/\1/p'; [ "$$(bin/vet help | sed -n "/^    body /d; $$names")" = "$$($(GO) tool vet help | sed -n "$$names")" ] || \
		{ echo ".ci/vet has not the analyzers of go vet"; exit 1; }
	@for os in $(BUILT); do echo "build $$os"; GOOS=$$os $(GO) build -o /dev/null . || exit 1; done
	@here=$$($(GO) env GOHOSTOS); for os in $(SYSTEMS); do [ $$os != $$here ] || continue; echo "vet $$os"; GOOS=$$os bin/vet ./... || exit 1; done
	@for arch in $(OTHERS); do echo "vet linux/$$arch"; GOARCH=$$arch bin/vet ./... || exit 1; done
	$(GO) run $(STATICCHECK) -checks inherit,-ST1005 ./... # ssh's words begin with capitals
	$(GO) test -run '$(ARROWS)' .

# Those left out run programs, networks or many hours of fake time: the change's
# own of them are run by name. What did not change comes from the cache; go vet is
# left to make check.
SLOW = e2e regress release notify/screen proxy/channel proxy/accept server/keep server/policy client/bootstrap client/cli client/keyfile proxy proxy/mux \
	proxy/mux/arq proxy/sshconn server
quick:
	@$(GO) build -o /dev/null . && $(GO) test -short -vet=off $$($(GO) list ./... | sed 1d | \
		grep -vxF "$$(printf 'tssh/%s\n' $(SLOW))")
	@$(GO) test -short -vet=off -run '$(ARROWS)' .

# Nothing from the cache: e2e and regress build the program by themselves, which
# it does not see.
test: build
	@status=$$(mktemp); { $(GO) test -v -timeout 15m -count=1 ./... 2>&1; echo $$? >$$status; } | awk -f .ci/left-out.awk; \
		code=$$(cat $$status); rm -f $$status; exit $$code

# The detector is written in C. What runs whole programs would not be watched by it.
race:
	CGO_ENABLED=1 $(GO) test -race -short -timeout 20m -count=1 $$($(GO) list ./... | grep -v -e '/e2e$$' -e '/regress$$')

regress: build
	$(GO) test -v -count=1 -timeout 60m ./regress -regress=all
	$(GO) test -v -count=1 -timeout 60m ./regress -regress=all -udp -run OpenSSH

bench:
	$(GO) test -run '^$$' -bench . -benchmem -benchtime 0.3s -p 1 \
		$$(grep -rl --include='*_test.go' '^func Benchmark' . | xargs -n1 dirname | sort -u)

# Each target begins with the seeds alone: a corpus that grew in the user's cache
# would eat a short time before anything new is tried. A target that tried
# nothing is an error, and so is one that is not in the program. What fails
# without an input that fails is the fuzzer's own clock, and runs once more.
fuzz:
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	for p in $$(grep -rl --include='*_test.go' '^func Fuzz' $(FUZZ) | xargs -n1 dirname | sort -u); do \
		$(GO) test -c -fuzz . -o "$$dir/tests" "$$p" || exit 1; \
		for f in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$$p"/*_test.go); do \
			echo "$$p $$f"; \
			for try in 1 2; do \
				if (cd "$$p" && "$$dir/tests" -test.run '^$$' -test.fuzz "^$$f\$$" -test.fuzztime $(FUZZTIME) \
					-test.fuzzminimizetime 5s -test.fuzzcachedir "$$dir/cache") >"$$dir/log" 2>&1; then break; fi; \
				if [ $$try = 2 ] || grep -q 'Failing input' "$$dir/log"; then cat "$$dir/log"; exit 1; fi; \
			done; \
			grep -q 'execs: [1-9]' "$$dir/log" || { cat "$$dir/log"; echo "$$p $$f: tried nothing"; exit 1; }; \
		done; \
	done

install: build
	PREFIX='$(PREFIX)' ./install.sh bin/tssh

uninstall:
	PREFIX='$(PREFIX)' ./install.sh --uninstall

clean:
	rm -rf bin dist client/servers/bundle
