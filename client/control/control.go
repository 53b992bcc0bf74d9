// Package control shares one ssh connection among many runs of ssh: the
// ControlMaster of ssh_config(5), in OpenSSH's own protocol (its PROTOCOL.mux),
// as master and as client. So stock ssh, scp, git and ansible join a master of
// ours over its ControlPath, and we join theirs. A Master serves over any
// ssh.Conn: joining a session that roams is joining a session.
//
// Every message is a length and a body; every body begins with a type and,
// but for the hello, the number of the request that it asks or answers:
//
//	uint32 length | uint32 type | uint32 request | ...
//
// The descriptors of a new session follow its request as three messages of one
// byte, each with one descriptor.
//
// Whoever can connect has the connection. The mode of the socket, 0600, its
// directory, and the user at the other end decide who can.
package control

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
)

// version is the protocol's; no other has been seen in the wild since 2010.
const version = 4

// maxMessage bounds what a peer makes us allocate: environment and command of
// one session are the longest that is sent.
const maxMessage = 4 << 20

// The types of messages: M from both sides, C from the client, S from the server.
const (
	mHello      = 0x00000001
	cNewSession = 0x10000002
	cAlive      = 0x10000004
	cTerminate  = 0x10000005
	cOpenFwd    = 0x10000006
	cCloseFwd   = 0x10000007
	cStdioFwd   = 0x10000008
	cStop       = 0x10000009
	cProxy      = 0x1000000f
	cInfo       = 0x20000001

	sOK         = 0x80000001
	sDenied     = 0x80000002
	sFailure    = 0x80000003
	sExit       = 0x80000004
	sAlive      = 0x80000005
	sOpened     = 0x80000006
	sRemotePort = 0x80000007
	sNoTTY      = 0x80000008
	sProxy      = 0x8000000f
	sInfo       = 0x90000001
)

// infoExtension is in the hello of a master that bears cInfo.
const infoExtension = "info"

// noEscape is the escape character that means none.
const noEscape = 0xffffffff

// unixPort stands where a port would, and makes the host beside it a path.
const unixPort = 0xfffffffe

// socks is what stands where a host would in a forward without a destination.
const socks = "socks"

type (
	hello struct {
		Type, Version uint32
		Extensions    []byte `ssh:"rest"`
	}
	// request is the beginning of every other message.
	request struct {
		Type, ID uint32
		Rest     []byte `ssh:"rest"`
	}
	newSession struct {
		Reserved                           string
		TTY, X11, Agent, Subsystem, Escape uint32
		Term, Command                      string
		Env                                []byte `ssh:"rest"`
	}
	stdioForward struct {
		Reserved string
		Host     string
		Port     uint32
	}
	forward struct {
		Kind        uint32
		ListenHost  string
		ListenPort  uint32
		ConnectHost string
		ConnectPort uint32
	}
	number struct{ N uint32 } // a process, a session, a port
	reason struct{ Text string }
	info   struct { // the answer to cInfo
		Known uint32
		Text  string
	}
)

// Kind is one of ssh's three kinds of forward.
type Kind uint32

// The kinds, as -L, -R and -D ask for them.
const (
	Local Kind = iota + 1
	Remote
	Dynamic
)

// String is the kind as ssh's messages name it.
func (k Kind) String() string {
	switch k {
	case Local:
		return "local"
	case Remote:
		return "remote"
	case Dynamic:
		return "dynamic"
	}
	return fmt.Sprintf("kind %d of", uint32(k))
}

var errMalformed = errors.New("malformed message")

// writeMessage writes one message, in one write so that messages of several
// goroutines under one lock stay whole.
func writeMessage(w io.Writer, body []byte) error {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body)))
	_, err := w.Write(append(b, body...))
	return err
}

// readMessage reads one message and not a byte more: descriptors may follow it.
func readMessage(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 4 || n > maxMessage {
		return nil, fmt.Errorf("%w: %d bytes long", errMalformed, n)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	return body, nil
}

// message puts a body together. rest is a struct of this file, or nil.
func message(kind, id uint32, rest any) []byte {
	m := request{Type: kind, ID: id}
	if rest != nil {
		m.Rest = ssh.Marshal(rest)
	}
	return ssh.Marshal(m)
}

// parse reads into, a pointer to a struct of this file, and wants all of b used.
func parse(b []byte, into any) error {
	if err := ssh.Unmarshal(b, into); err != nil {
		return errMalformed
	}
	return nil
}

// extension is one more that a hello can have behind it.
type extension struct {
	Name, Value string
	Rest        []byte `ssh:"rest"`
}

// greet says hello, with extensions or nil, and waits for the peer's, of whose
// extensions it returns the names.
func greet(rw io.ReadWriter, extensions []byte) (theirs []string, err error) {
	if err := writeMessage(rw, ssh.Marshal(hello{mHello, version, extensions})); err != nil {
		return nil, err
	}
	return readHello(rw)
}

// readHello reads the peer's hello.
func readHello(r io.Reader) (extensions []string, err error) {
	b, err := readMessage(r)
	if err != nil {
		return nil, err
	}
	var h hello
	if err := parse(b, &h); err != nil {
		return nil, err
	}
	if h.Type != mHello {
		return nil, fmt.Errorf("expected HELLO (%d) got %d", mHello, h.Type)
	}
	if h.Version != version {
		return nil, fmt.Errorf("Unsupported multiplexing protocol version %d (expected %d)", h.Version, version)
	}
	for len(h.Extensions) > 0 && len(extensions) < 32 {
		var e extension
		if err := parse(h.Extensions, &e); err != nil {
			return nil, err
		}
		extensions, h.Extensions = append(extensions, e.Name), e.Rest
	}
	return extensions, nil
}

// toWire is f as a message has it.
func toWire(k Kind, f config.Forward) forward {
	w := forward{
		Kind:        uint32(k),
		ListenHost:  f.BindAddress,
		ListenPort:  uint32(f.BindPort),
		ConnectHost: f.Host,
		ConnectPort: uint32(f.Port),
	}
	if f.BindPath != "" {
		w.ListenHost, w.ListenPort = f.BindPath, unixPort
	}
	switch {
	case f.Path != "":
		w.ConnectHost, w.ConnectPort = f.Path, unixPort
	case f.Host == "":
		w.ConnectHost = socks
	}
	return w
}

// fromWire is the other way, and refuses what no command line can ask for.
func fromWire(w forward) (Kind, config.Forward, error) {
	k := Kind(w.Kind)
	f := config.Forward{BindAddress: w.ListenHost, BindPort: int(w.ListenPort)}
	if w.ListenPort == unixPort {
		f = config.Forward{BindPath: w.ListenHost}
	}
	switch w.ConnectPort {
	case unixPort:
		f.Path = w.ConnectHost
	case 0: // SOCKS, whatever host it says
	default:
		f.Host, f.Port = w.ConnectHost, int(w.ConnectPort)
	}
	goal := f.Host != "" || f.Path != ""
	switch {
	case k < Local || k > Dynamic,
		f.BindPort > 65535 || f.Port > 65535,
		w.ListenPort == unixPort && f.BindPath == "",
		k == Local && !goal,
		k == Dynamic && (goal || f.BindPath != ""),
		!goal && w.ConnectPort != 0: // a port of no host
		return 0, config.Forward{}, errors.New("Invalid forwarding request")
	}
	return k, f, nil
}

// describe is f as ssh writes it in questions and in its log.
func describe(k Kind, f config.Forward) string {
	listen, to := f.BindAddress, f.Host
	if listen == "" {
		listen = "LOCALHOST"
	}
	end := func(host, path string, port int) string {
		if path != "" {
			return path
		}
		return fmt.Sprintf("%s:%d", host, port)
	}
	from := end(listen, f.BindPath, f.BindPort)
	if f.Host == "" && f.Path == "" {
		return fmt.Sprintf("%s forward %s -> *", k, from)
	}
	return fmt.Sprintf("%s forward %s -> %s", k, from, end(to, f.Path, f.Port))
}

// strerror is the system's reason for err, written as C programs write it:
// scripts look for "No such file or directory".
func strerror(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			break
		}
		err = next
	}
	s := err.Error()
	return strings.ToUpper(s[:min(1, len(s))]) + s[min(1, len(s)):]
}
