package login

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"tssh/client/auth"
	"tssh/client/hostkey"
	"tssh/client/transport"
	"tssh/proxy/visible"
)

// lastWords puts what ended a login into ssh's words, logging the lines that
// ssh logs before its last.
func (l *Login) lastWords(err error) error {
	var own *Error
	var denied *auth.Denied
	var refused hostkey.Refused
	var ended *transport.Error
	var match *transport.NoMatch
	who := transport.Peer(l.conn)
	last := func(format string, args ...any) error {
		return &Error{Words: visible.Text(fmt.Sprintf(format, args...)), Cause: err}
	}
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &denied):
		return last("%v", denied)
	case errors.As(err, &refused):
		return last("%v", refused)
	case errors.As(err, &match):
		return last("Unable to negotiate with %s: %v", who, match)
	case !errors.As(err, &ended):
		return last("ssh_dispatch_run_fatal: Connection to %s: %v", who, err)
	}
	l.logWords(ended)
	switch ended.Reason {
	case transport.Closed:
		return last("Connection closed by %s", who)
	case transport.TimedOut:
		return last("Connection to %s timed out", who)
	case transport.Disconnected:
		return last("Disconnected from %s", who)
	case transport.Reset:
		if errors.Is(ended.Err, syscall.ECONNRESET) {
			return last("Connection reset by %s", who)
		}
	case transport.Refused:
		if strings.HasPrefix(ended.Detail, "kex_exchange_identification: ") || strings.HasPrefix(ended.Detail, "Protocol ") {
			return last("%s", ended.Detail)
		}
	}
	return last("%s: Connection to %s: %v", cmp.Or(ended.Step, "ssh_dispatch_run_fatal"), who, ended)
}

func (l *Login) logWords(e *transport.Error) {
	for _, w := range e.Words {
		if strings.HasPrefix(w, "kex_exchange_identification: ") {
			l.opts.Log.Errorf("%s", w)
		} else {
			l.opts.Log.Infof("%s", w)
		}
	}
}

// sessionWords does the same for a connection that stood.
func (l *Login) sessionWords(err error) error {
	select {
	case <-l.ended: // this end closed it
		return l.err
	default:
	}
	var ended *transport.Error
	if !errors.As(err, &ended) {
		return &Error{Words: fmt.Sprintf("Connection to %s closed by remote host.", l.host.HostName), Cause: err}
	}
	switch ended.Reason {
	case transport.Closed:
		return &Error{Words: fmt.Sprintf("Connection to %s closed by remote host.", l.host.HostName), Cause: err}
	case transport.Reset, transport.TimedOut:
		return &Error{Words: fmt.Sprintf("Read from remote host %s: %s", l.host.HostName, ended.Detail), Cause: err}
	}
	return l.log(l.lastWords(err))
}

// log tells now what ssh tells by its log.
func (l *Login) log(err error) error {
	var own *Error
	if !errors.As(err, &own) {
		return err
	}
	l.opts.Log.Errorf("%s", own.Words)
	own.logged = true
	return own
}

// lateWords is the error of a handshake that took too long.
func lateWords(err error) error {
	late := &transport.Error{Reason: transport.TimedOut, Err: err}
	var ended *transport.Error
	if errors.As(err, &ended) && len(ended.Words) > 0 { // it ended before the versions
		late.Words = []string{"Connection timed out during banner exchange"}
	}
	return late
}

// limit ends a handshake that takes too long, on connections without
// deadlines too.
type limit struct {
	mu    sync.Mutex // guards what follows
	timer *time.Timer
	hit   bool
	over  bool
}

func newLimit(conn net.Conn, d time.Duration) *limit {
	m := &limit{}
	if d <= 0 {
		return m
	}
	m.timer = time.AfterFunc(d, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if !m.over {
			m.hit = true
			conn.Close()
		}
	})
	return m
}

// stop ends the limit and reports whether it was reached.
func (m *limit) stop() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = true
	if m.timer != nil {
		m.timer.Stop()
	}
	return m.hit
}
