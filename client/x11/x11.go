// Package x11 lends the user's X display to a server: programs there show
// their windows here.
//
// The server is never told the display's own cookie but one made up for the
// session; the first packet of each connection must carry that, and the true
// one takes its place. So whoever learns the server's cookie can reach the
// display through this connection only, and only while it stands.
package x11

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/voice"
	"tssh/proxy/nss"
)

// protocol is the only way to authenticate that everybody has.
const protocol = "MIT-MAGIC-COOKIE-1"

// Display is the user's display, lent to one server.
type Display struct {
	host   *config.Host
	log    voice.Log
	name   string // DISPLAY
	screen uint32
	fake   []byte    // what the server is told
	real   []byte    // what the display wants
	refuse time.Time // no new connections from then on; zero: never
}

// Open finds the display that h lends and its cookie. It is nil when there is
// none, which Open has told then.
func Open(ctx context.Context, h *config.Host, log voice.Log) *Display {
	d := &Display{host: h, log: log, name: os.Getenv("DISPLAY")}
	if d.name == "" {
		log.Debugf("X11 forwarding requested but DISPLAY not set")
		return nil
	}
	var err error
	if d.screen, err = screenOf(d.name); err == nil {
		d.real, err = d.xauth(ctx)
	}
	if err != nil {
		log.Infof("%v", err)
		return nil
	}
	if d.real == nil {
		log.Infof("Warning: No xauth data; using fake authentication data for X11 forwarding.")
		d.real = make([]byte, 16)
		rand.Read(d.real)
	}
	// Of the same length, so that one fits where the other was.
	d.fake = make([]byte, len(d.real))
	rand.Read(d.fake)
	if t := h.ForwardX11Timeout; t > 0 && !h.ForwardX11Trusted {
		d.refuse = time.Now().Add(t)
	}
	return d
}

// Request is the payload of x11-req.
func (d *Display) Request() []byte {
	return ssh.Marshal(struct {
		Single           bool
		Protocol, Cookie string
		Screen           uint32
	}{false, protocol, hex.EncodeToString(d.fake), d.screen})
}

// screenOf is the number behind the dot of a display's name. The name itself
// goes to xauth, so it is of the letters that ssh lets through.
func screenOf(display string) (uint32, error) {
	_, rest, ok := cutLast(display, ":")
	if !ok || strings.ContainsFunc(display, strange) {
		return 0, fmt.Errorf("DISPLAY %q invalid; disabling X11 forwarding", display)
	}
	_, screen, ok := strings.Cut(rest, ".")
	if !ok {
		return 0, nil
	}
	n, err := strconv.ParseUint(screen, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("DISPLAY %q invalid; disabling X11 forwarding", display)
	}
	return uint32(n), nil
}

// strange is what no display's name has.
func strange(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(":/.-_", r))
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// answer joins one window's connection.
func (d *Display) Answer(nc ssh.NewChannel) {
	if !d.refuse.IsZero() && time.Now().After(d.refuse) {
		d.log.Verbosef("Rejected X11 connection after ForwardX11Timeout expired")
		nc.Reject(ssh.Prohibited, "ForwardX11Timeout expired")
		return
	}
	conn, err := dial(d.name)
	if err != nil {
		d.log.Errorf("connect %s: %v", d.name, err)
		nc.Reject(ssh.ConnectionFailed, "no display")
		return
	}
	defer conn.Close()
	ch, reqs, err := nc.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	go ssh.DiscardRequests(reqs)
	first, err := swap(ch, d.fake, d.real)
	if err != nil {
		d.log.Infof("X11 connection rejected because of wrong authentication.")
		d.log.Debugf("x11: %v", err)
		return
	}
	if _, err := conn.Write(first); err != nil {
		return
	}
	join(ch, conn)
}

// swap reads the first packet of a connection, which must carry the cookie
// fake, and returns it with real in its place.
//
//	byte order | 0 | major 2 | minor 2 | name length 2 | data length 2 | 0 0 | name, padded | data, padded
func swap(r io.Reader, fake, real []byte) ([]byte, error) {
	head := make([]byte, 12)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	var number func([]byte) int
	switch head[0] {
	case 'B':
		number = func(b []byte) int { return int(b[0])<<8 | int(b[1]) }
	case 'l':
		number = func(b []byte) int { return int(b[1])<<8 | int(b[0]) }
	default:
		return nil, fmt.Errorf("bad byte order 0x%x", head[0])
	}
	name, data := number(head[6:]), number(head[8:])
	start := 12 + padded(name)
	packet := append(head, make([]byte, padded(name)+padded(data))...)
	if _, err := io.ReadFull(r, packet[12:]); err != nil {
		return nil, err
	}
	if string(packet[12:12+name]) != protocol {
		return nil, errors.New("another protocol")
	}
	if subtle.ConstantTimeCompare(packet[start:start+data], fake) != 1 {
		return nil, errors.New("another cookie")
	}
	copy(packet[start:], real)
	return packet, nil
}

func padded(n int) int { return (n + 3) &^ 3 }

// dial connects to a display: a socket's path (as macOS has it), the machine's
// own by number, or one on the network.
func dial(display string) (net.Conn, error) {
	host, rest, ok := cutLast(display, ":")
	if !ok {
		return nil, fmt.Errorf("invalid DISPLAY %q", display)
	}
	number, _, _ := strings.Cut(rest, ".")
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("invalid DISPLAY %q", display)
	}
	switch {
	case strings.HasPrefix(host, "/"):
		if conn, err := net.Dial("unix", display); err == nil {
			return conn, nil
		}
		return net.Dial("unix", host)
	case host == "" || host == "unix":
		return dialLocal(int(n))
	}
	return new(nss.Dialer).DialContext(context.Background(), "tcp", net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(6000+int(n))))
}

// join copies both ways until one has ended: X knows no half of a connection.
func join(ch ssh.Channel, conn net.Conn) {
	var wg sync.WaitGroup
	wg.Go(func() {
		io.Copy(conn, ch)
		conn.Close()
	})
	io.Copy(ch, conn)
	ch.Close()
	wg.Wait()
}
