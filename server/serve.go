package server

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tssh/proxy/memory"
	"tssh/proxy/visible"
	"tssh/proxy/wire"
	"tssh/server/cache"
	"tssh/server/detach"
)

const maxAddrs = 8

// serveOffer is the detached process: it says its greeting on stdout, lets go
// of everything that ties it to the login and serves its user until the end.
func serveOffer(word, logFile, warning string) int {
	o, err := wire.ParseOffer(word)
	if err != nil {
		return complain(wire.ExitUsage, err)
	}
	memory.Hide()
	logf, err := logTo(logFile)
	if err != nil {
		return complain(wire.ExitCannotServe, err)
	}
	h, err := newHost(o, logf)
	if err != nil {
		return complain(wire.ExitCannotServe, err)
	}
	defer h.close()
	defer holdCopy(logf)()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Chdir("/") // any other directory could not be unmounted while we live
	stdout, err := detach.Streams()
	if err != nil {
		return complain(wire.ExitCannotServe, err)
	}
	if warning != "" {
		h.first.greeting.Warnings = append(h.first.greeting.Warnings, warning)
	}
	// The greeting comes last: who has it can rely on the rest.
	stdout.WriteString(h.first.greeting.Line())
	stdout.Close()
	if err := h.run(ctx); err != nil {
		logf("%v", err)
		return wire.ExitFailure
	}
	return wire.ExitOK
}

// holdCopy keeps our file in the cache while we run and sweeps out old ones.
func holdCopy(logf func(string, ...any)) (release func()) {
	release = func() {}
	c, ok := cache.Own()
	if !ok {
		return release
	}
	held, err := c.Hold(time.Now())
	if err != nil {
		logf("cache: %v", err)
		return release
	}
	if err := c.Sweep(time.Now()); err != nil {
		logf("cache: %v", err)
	}
	return held
}

// logTo writes to a file that nobody else can read; an empty name is silent.
func logTo(file string) (func(string, ...any), error) {
	if file == "" {
		return func(string, ...any) {}, nil
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	l := log.New(f, "", log.LstdFlags|log.Lmicroseconds)
	// Names of the client's are in what is told: it must not write lines of its own.
	return func(format string, args ...any) { l.Print(visible.Line(fmt.Sprintf(format, args...))) }, nil
}

// parsePorts reads "61001-61999,7000". Nothing is any free port.
func parsePorts(s string) ([]int, error) {
	if s == "" {
		return nil, nil
	}
	var ports []int
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, err1 := strconv.ParseUint(first, 10, 16)
		to, err2 := strconv.ParseUint(last, 10, 16)
		if err1 != nil || err2 != nil || from == 0 || from > to {
			return nil, fmt.Errorf("ports %q: not of the form 61001-61999,7000", s)
		}
		if len(ports)+int(to-from) > 1<<16 {
			return nil, errors.New("too many ports")
		}
		for p := from; p <= to; p++ {
			ports = append(ports, int(p))
		}
	}
	return ports, nil
}

// addrs are this machine's own addresses, those that the world can reach first.
func addrs() []netip.Addr {
	all, _ := net.InterfaceAddrs()
	var list []netip.Addr
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		if ip := prefix.Addr().Unmap(); ip.IsGlobalUnicast() {
			list = append(list, ip)
		}
	}
	slices.SortStableFunc(list, func(a, b netip.Addr) int {
		switch {
		case a.IsPrivate() == b.IsPrivate():
			return 0
		case a.IsPrivate():
			return 1
		}
		return -1
	})
	return list[:min(len(list), maxAddrs)]
}
