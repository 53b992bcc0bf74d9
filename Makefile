# make            build bin/tssh and the name bin/tsshd
# make bundle     bin/tssh that brings tsshd to Linux on amd64 and arm64, as a release does
# make servers    the same, and tsshd for all other machines, in bin/servers
# make demo       try it: a session on this machine that survives a lost network
# make check      gofmt, vet on four systems and odd processors, staticcheck, import arrows
# make test       every test (some need root and say so)
# make regress    OpenSSH's own tests with tssh as the client, and programs on top
# make bench      benchmarks
# make fuzz       a short run of every fuzz target
# make install    PREFIX=~/.local by default

GO ?= go
PREFIX ?= $(HOME)/.local
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
SYSTEMS = linux darwin windows freebsd
OTHERS = 386 arm mips64le # of Linux: 32 bits, or no number at an odd address
FUZZTIME ?= 10s

export CGO_ENABLED = 0

.PHONY: all build bundle servers demo check test regress bench fuzz install uninstall clean

all: build

build:
	$(GO) build -trimpath -ldflags '-s -w' -o bin/tssh .
	@ln -sf tssh bin/tsshd

bundle servers:
	$(GO) run ./release $@

demo: build
	bin/tssh --demo

check:
	@out=$$(gofmt -l .); [ -z "$$out" ] || { echo "gofmt would change:"; echo "$$out"; exit 1; }
	@for os in $(SYSTEMS); do echo "vet $$os"; GOOS=$$os $(GO) vet ./... || exit 1; done
	@for arch in $(OTHERS); do echo "vet linux/$$arch"; GOARCH=$$arch $(GO) vet ./... || exit 1; done
	$(GO) run $(STATICCHECK) -checks inherit,-ST1005 ./... # ssh's words begin with capitals
	$(GO) test -run 'TestImportArrows' .

# Nothing from the cache: e2e and regress build the program by themselves, which
# it does not see.
test: build
	$(GO) test -timeout 15m -count=1 ./...

regress: build
	$(GO) test -v -count=1 -timeout 60m ./regress -regress=all
	$(GO) test -v -count=1 -timeout 60m ./regress -regress=all -udp -run OpenSSH

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

fuzz:
	@for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
		done; \
	done

install: build
	PREFIX='$(PREFIX)' ./install.sh bin/tssh

uninstall:
	PREFIX='$(PREFIX)' ./install.sh --uninstall

clean:
	rm -rf bin dist client/servers/bundle
