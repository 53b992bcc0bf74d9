package server

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"tssh/proxy/memory"
	"tssh/proxy/terms"
	"tssh/proxy/visible"
	"tssh/server/cache"
	"tssh/server/detach"
)

// serveOffer is the detached process: it says its greeting on stdout, lets go
// of everything that ties it to the login and serves its user until the end.
func serveOffer(word, logFile, warning string) int {
	o, err := terms.ParseOffer(word)
	if err != nil {
		return complain(terms.ExitUsage, err)
	}
	memory.Hide()
	logf, err := logTo(logFile)
	if err != nil {
		return complain(terms.ExitCannotServe, err)
	}
	h, err := newHub(o, logf)
	if err != nil {
		return complain(terms.ExitCannotServe, err)
	}
	defer h.close()
	defer holdCopy(logf)()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Chdir("/") // any other directory could not be unmounted while we live
	stdout, err := detach.Streams()
	if err != nil {
		return complain(terms.ExitCannotServe, err)
	}
	if warning != "" {
		h.first.greeting.Warnings = append(h.first.greeting.Warnings, warning)
	}
	// The greeting comes last: who has it can rely on the rest.
	stdout.WriteString(h.first.greeting.Line())
	stdout.Close()
	if err := h.run(ctx); err != nil {
		logf("%v", err)
		return terms.ExitFailure
	}
	return terms.ExitOK
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
