package forward

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	cookieProtocol = "MIT-MAGIC-COOKIE-1"
	cookieSize     = 16
	// xauthSlack is how much longer than ForwardX11Timeout the X server is told to
	// keep the cookie, so that it is we who refuse.
	xauthSlack = 60 * time.Second
	// maxX11Auth bounds what a client may send before it has proved itself.
	maxX11Auth = 4096
)

// display is one X server that was lent, with the cookie for it and the fake one
// that the server has in its place: the true one never leaves this machine, and
// a connection without the fake one is not passed on.
type display struct {
	name       string
	screen     uint32
	protocol   string
	real, fake []byte
	until      time.Time // zero: for as long as the session
}

// RequestX11 lends the X server name (DISPLAY) to the session of ch. What
// hinders is told as ssh does; the session goes on without.
func (s *Set) RequestX11(ch ssh.Channel, name string) {
	if name == "" {
		s.log.Debugf("X11 forwarding requested but DISPLAY not set")
		return
	}
	d, err := s.lookUp(name)
	if err != nil {
		s.log.Infof("%v", err)
		return
	}
	s.mu.Lock()
	s.displays = append(s.displays, d)
	s.mu.Unlock()
	s.x11.Do(func() { s.serve("x11", s.forwardedX11) })
	s.log.Debugf("Requesting X11 forwarding with authentication spoofing.")
	ok, err := ch.SendRequest("x11-req", true, ssh.Marshal(struct {
		Single           bool
		Protocol, Cookie string
		Screen           uint32
	}{false, d.protocol, hex.EncodeToString(d.fake), d.screen}))
	if err == nil && !ok {
		s.log.Errorf("X11 forwarding request failed on channel 0")
	}
}

// lookUp finds the cookie of a display: with ForwardX11Trusted its own, else
// one that xauth has the X server make for clients that it is to keep apart.
func (s *Set) lookUp(name string) (*display, error) {
	if !validDisplay(name) {
		return nil, fmt.Errorf("DISPLAY %q invalid; disabling X11 forwarding", name)
	}
	d := &display{name: name, protocol: cookieProtocol}
	_, after, _ := strings.Cut(name[strings.LastIndexByte(name, ':')+1:], ".")
	screen, _ := strconv.ParseUint(after, 10, 32)
	d.screen = uint32(screen)
	query := name
	if rest, ok := strings.CutPrefix(name, "localhost:"); ok {
		query = "unix:" + rest // what xauth has it under
	}
	var err error
	if s.host.ForwardX11Trusted {
		d.protocol, d.real, err = s.xauth("list", query)
	} else {
		d.protocol, d.real, err = s.untrusted(d, query)
	}
	if err != nil && !s.host.ForwardX11Trusted {
		s.log.Debug2f("xauth: %v", err)
		return nil, errors.New("Warning: untrusted X11 forwarding setup failed: xauth key data not generated")
	}
	if err != nil { // an X server without cookies lets any in
		s.log.Infof("Warning: No xauth data; using fake authentication data for X11 forwarding.")
		d.protocol, d.real = cookieProtocol, make([]byte, cookieSize)
		rand.Read(d.real)
	}
	d.fake = make([]byte, len(d.real))
	rand.Read(d.fake)
	return d, nil
}

// validDisplay keeps xauth from reading options or worse in DISPLAY.
func validDisplay(name string) bool {
	for _, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(":/.-_", c)) {
			return false
		}
	}
	return name[0] != '-' && strings.Contains(name, ":")
}

// untrusted has a cookie made in a file of its own, which lives for a moment.
func (s *Set) untrusted(d *display, query string) (protocol string, cookie []byte, err error) {
	dir, err := os.MkdirTemp("", "ssh-")
	if err != nil {
		return "", nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "xauthfile")
	args := []string{"-f", file, "generate", query, cookieProtocol, "untrusted"}
	if t := s.host.ForwardX11Timeout; t > 0 {
		args = append(args, "timeout", strconv.Itoa(int((t+xauthSlack)/time.Second)))
		d.until = time.Now().Add(t)
	}
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	if err := exec.CommandContext(ctx, s.host.XAuthLocation, args...).Run(); err != nil {
		return "", nil, err
	}
	return s.xauth("-f", file, "list", query)
}

// xauth runs xauth and reads the first line of its list: name, protocol, cookie.
func (s *Set) xauth(args ...string) (protocol string, cookie []byte, err error) {
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, s.host.XAuthLocation, args...).Output()
	if err != nil {
		return "", nil, err
	}
	line, _, _ := strings.Cut(string(out), "\n")
	words := strings.Fields(line)
	if len(words) < 3 {
		return "", nil, errors.New("no entry")
	}
	cookie, err = hex.DecodeString(words[2])
	if err == nil && len(cookie) == 0 {
		err = errors.New("empty cookie")
	}
	return words[1], cookie, err
}

func (s *Set) forwardedX11(n ssh.NewChannel) {
	ch, reqs, err := n.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	id := s.take()
	defer s.give(id)
	stop := context.AfterFunc(s.ctx, func() { ch.Close() })
	first, d, err := s.admit(ch)
	stop()
	if err != nil {
		s.log.Errorf("X11 connection rejected because of %v.", err)
		return
	}
	if !d.until.IsZero() && time.Now().After(d.until) {
		s.log.Infof("Rejected X11 connection after ForwardX11Timeout expired")
		return
	}
	conn, err := s.dialDisplay(d.name)
	if err != nil {
		s.log.Errorf("connect %s: %s", d.name, system(err))
		return
	}
	defer conn.Close()
	if _, err := conn.Write(first); err != nil {
		return
	}
	s.carry(id, "x11 connection", ch, reqs, conn)
}

// admit reads the packet that opens an X11 connection, finds the display that
// its cookie was made for, and puts the true cookie in the fake one's place.
func (s *Set) admit(r io.Reader) (first []byte, d *display, err error) {
	wrong := errors.New("wrong authentication")
	head := make([]byte, 12)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, nil, err
	}
	var order binary.ByteOrder
	switch head[0] {
	case 'B':
		order = binary.BigEndian
	case 'l':
		order = binary.LittleEndian
	default:
		return nil, nil, wrong
	}
	name, cookie := int(order.Uint16(head[6:])), int(order.Uint16(head[8:]))
	padded := (name + 3) &^ 3
	total := padded + (cookie+3)&^3
	if total > maxX11Auth {
		return nil, nil, wrong
	}
	rest := make([]byte, total)
	if _, err := io.ReadFull(r, rest); err != nil {
		return nil, nil, err
	}
	protocol, proof := rest[:name], rest[padded:padded+cookie]
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.displays {
		if bytes.Equal(protocol, []byte(c.protocol)) && subtle.ConstantTimeCompare(proof, c.fake) == 1 {
			copy(proof, c.real)
			return append(head, rest...), c, nil
		}
	}
	return nil, nil, wrong
}

// dialDisplay connects to an X server: a socket's path, host:number, or the
// local one.
func (s *Set) dialDisplay(name string) (net.Conn, error) {
	if strings.HasPrefix(name, "/") {
		if _, err := os.Stat(name); err == nil {
			return s.dial(s.ctx, "unix", name)
		}
	}
	i := strings.LastIndexByte(name, ':')
	number, _, _ := strings.Cut(name[i+1:], ".")
	n, err := strconv.Atoi(number)
	if err != nil {
		return nil, fmt.Errorf("could not parse display number from DISPLAY: %s", name)
	}
	host := name[:i]
	if host == "" || host == "unix" {
		return s.dial(s.ctx, "unix", fmt.Sprintf("/tmp/.X11-unix/X%d", n))
	}
	return s.dial(s.ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(6000+n)))
}
