package forward

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/crypto/ssh"
)

// maxDisplays bounds the search for a free display, as in sshd.
const maxDisplays = 1000

// x11Kind is the type of channels to the client's display.
const x11Kind = "x11"

// x11Port is the port of display 0.
const x11Port = 6000

// Display listens as an X server whose connections go to the client. It gives
// the value for DISPLAY and the display's name for xauth; end closes it. With
// single, so does the first connection. It stays for clients after this one.
func (f *Forwarder) Display(single bool, screen uint32) (display, auth string, end func(), err error) {
	if !f.policy.X11 {
		return "", "", nil, errForbidden
	}
	host, binds := "localhost", []string{"127.0.0.1", "::1"}
	if !f.policy.X11Localhost {
		binds = []string{"0.0.0.0", "::"}
		if host, err = os.Hostname(); err != nil {
			return "", "", nil, fmt.Errorf("forward X11: %w", err)
		}
	}
	number, listeners, err := f.freeDisplay(binds)
	if err != nil {
		return "", "", nil, fmt.Errorf("forward X11: %w", err)
	}
	display = fmt.Sprintf("%s:%d.%d", host, number, screen)
	auth = display
	if f.policy.X11Localhost {
		auth = fmt.Sprintf("unix:%d.%d", number, screen) // X clients look for that
	}
	stop := sync.OnceFunc(func() {
		for _, l := range listeners {
			l.Close()
		}
	})
	f.lent.mu.Lock()
	defer f.lent.mu.Unlock()
	key := fmt.Sprintf("x11 %d", number)
	if err := f.lent.keepLocked(key, stop); err != nil {
		stop()
		return "", "", nil, fmt.Errorf("forward X11: %w", err)
	}
	for _, l := range listeners {
		f.lent.serveLocked(l, x11Kind, func(conn net.Conn) []byte {
			if single {
				stop()
			}
			host, port := split(conn.RemoteAddr())
			return ssh.Marshal(endpoint{host, port})
		}, f.logf)
	}
	f.lend(x11Kind)
	return display, auth, func() { f.lent.drop(key) }, nil
}

// freeDisplay binds the ports of the first display that nobody has.
func (f *Forwarder) freeDisplay(binds []string) (int, []net.Listener, error) {
	for n := f.policy.X11Offset; n < f.policy.X11Offset+maxDisplays && x11Port+n <= 0xffff; n++ {
		listeners, _, err := listen(binds, x11Port+n)
		if err != nil {
			continue
		}
		if inUse(binds, listeners, n) {
			for _, l := range listeners {
				l.Close()
			}
			continue
		}
		return n, listeners, nil
	}
	return 0, nil, errors.New("no free display")
}

// inUse says whether somebody has the display on a family that we couldn't
// bind: clients might reach either of us then.
func inUse(binds []string, listeners []net.Listener, display int) bool {
	if len(listeners) == len(binds) {
		return false
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		probe, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			continue // no such family here
		}
		probe.Close()
		bound := false
		for _, l := range listeners {
			is4 := l.Addr().(*net.TCPAddr).IP.To4() != nil
			bound = bound || is4 == (host == "127.0.0.1")
		}
		if !bound {
			return true
		}
	}
	return false
}
