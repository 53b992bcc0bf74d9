package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
)

// Client is a connection to a master. Its requests are made one after the
// other; Session, Stdio and Proxy are the last one.
type Client struct {
	conn   *net.UnixConn
	id     uint32   // of the next request
	master []string // what it bears beyond the protocol
}

// A DialError says why no master answers at a ControlPath, in ssh's words.
type DialError struct {
	Path string
	Err  error
}

func (e *DialError) Error() string {
	return fmt.Sprintf("Control socket connect(%.100s): %s", e.Path, strerror(e.Err))
}

// Unwrap returns the system's reason.
func (e *DialError) Unwrap() error { return e.Err }

// Absent reports whether there is no socket at all, which is nothing to speak of
// when a session only hoped for a master.
func (e *DialError) Absent() bool { return errors.Is(e.Err, fs.ErrNotExist) }

// Stale reports whether the socket's master is gone.
func (e *DialError) Stale() bool { return errors.Is(e.Err, syscall.ECONNREFUSED) }

// A Refusal is a master's no.
type Refusal struct {
	Denied bool // by its user; otherwise it could not
	Reason string
}

func (e *Refusal) Error() string { return e.Reason }

// Dial joins the master that listens at path. When none does, the error is a
// *DialError.
func Dial(path string) (*Client, error) {
	if !Supported {
		return nil, fmt.Errorf("ControlPath: connection sharing is not supported on %s", runtime.GOOS)
	}
	if len(path) >= maxPath {
		return nil, fmt.Errorf("ControlPath too long ('%s' >= %d bytes)", path, maxPath)
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, &DialError{Path: path, Err: err}
	}
	extensions, err := greet(conn, nil)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("master hello exchange: %w", gone(err))
	}
	return &Client{conn: conn, master: extensions}, nil
}

// Info asks about the "connection" or its "channels".
func (c *Client) Info(about string) (string, error) {
	if !slices.Contains(c.master, infoExtension) {
		return "", errors.New("mux server does not support info request")
	}
	kind, rest, err := c.ask(cInfo, reason{about})
	if err != nil {
		return "", err
	}
	var i info
	switch {
	case kind != sInfo:
		return "", fmt.Errorf("expected %#x, received %#x", uint32(sInfo), kind)
	case parse(rest, &i) != nil:
		return "", errMalformed
	case i.Known == 0:
		return "", errors.New("info request type not supported")
	}
	return i.Text, nil
}

// Close leaves the master. What a session of this client's runs, ends.
func (c *Client) Close() error { return c.conn.Close() }

// ask sends one request, with files behind it, and returns type and rest of the answer.
func (c *Client) ask(kind uint32, body any, files ...*os.File) (uint32, []byte, error) {
	id := c.id
	c.id++
	if err := writeMessage(c.conn, message(kind, id, body)); err != nil {
		return 0, nil, gone(err)
	}
	for _, f := range files {
		if err := sendFile(c.conn, f); err != nil {
			return 0, nil, fmt.Errorf("send fds: %w", err)
		}
	}
	b, err := readMessage(c.conn)
	if err != nil {
		return 0, nil, gone(err)
	}
	var r request
	if err := parse(b, &r); err != nil {
		return 0, nil, err
	}
	if r.ID != id {
		return 0, nil, fmt.Errorf("out of sequence reply: my id %d theirs %d", id, r.ID)
	}
	if r.Type == sDenied || r.Type == sFailure {
		var why reason
		if err := parse(r.Rest, &why); err != nil {
			return 0, nil, err
		}
		return 0, nil, &Refusal{Denied: r.Type == sDenied, Reason: why.Text}
	}
	return r.Type, r.Rest, nil
}

// want makes a request that has one good answer and fills answer, when not nil, from it.
func (c *Client) want(kind, good uint32, body, answer any, files ...*os.File) error {
	got, rest, err := c.ask(kind, body, files...)
	if err != nil {
		return err
	}
	if got != good {
		return fmt.Errorf("unexpected response from master 0x%08x", got)
	}
	if answer == nil {
		return nil
	}
	return parse(rest, answer)
}

// Check asks whether the master is well, and for its process.
func (c *Client) Check() (pid int, err error) {
	var n number
	err = c.want(cAlive, sAlive, nil, &n)
	return int(n.N), err
}

// Exit asks the master to end at once, with everything on its connection. One
// that is gone before it has answered did as asked.
func (c *Client) Exit() error {
	err := c.want(cTerminate, sOK, nil, nil)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// Stop asks the master to take no more clients, and to end after those it has.
func (c *Client) Stop() error { return c.want(cStop, sOK, nil, nil) }

// Forward asks for a forward. port is the one that the server chose when f left
// the choice to it, and 0 otherwise.
func (c *Client) Forward(k Kind, f config.Forward) (port int, err error) {
	got, rest, err := c.ask(cOpenFwd, toWire(k, f))
	switch {
	case err != nil:
		return 0, err
	case got == sRemotePort:
		var n number
		err := parse(rest, &n)
		return int(n.N), err
	case got != sOK:
		return 0, fmt.Errorf("unexpected response from master 0x%08x", got)
	}
	return 0, nil
}

// Cancel takes back a forward, whoever asked for it.
func (c *Client) Cancel(k Kind, f config.Forward) error {
	return c.want(cCloseFwd, sOK, toWire(k, f), nil)
}

// Stdio connects in and out to host:port from the master's server, or to the
// unix socket host when port is -1, and returns when that has ended.
func (c *Client) Stdio(ctx context.Context, host string, port int, in, out *os.File) error {
	w := stdioForward{Host: host, Port: uint32(port)}
	if port < 0 {
		w.Port = unixPort
	}
	if err := c.want(cStdioFwd, sOpened, w, nil, in, out); err != nil {
		return said("stdio forwarding", err)
	}
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	if _, err := readMessage(c.conn); err == nil {
		return errors.New("master returned an unexpected message")
	}
	return context.Cause(ctx)
}

// Proxy turns the control connection into an ssh connection, which carries
// nothing secret from one process to another: the master encrypts it. The
// channels are for ssh.NewClient.
func Proxy(path string) (ssh.Conn, <-chan ssh.NewChannel, <-chan *ssh.Request, error) {
	if !Supported {
		return nil, nil, nil, fmt.Errorf("ControlPath: connection sharing is not supported on %s", runtime.GOOS)
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, nil, nil, &DialError{Path: path, Err: err}
	}
	c, chans, reqs, err := ssh.NewControlClientConn(conn)
	if err != nil {
		conn.Close()
		if strings.HasSuffix(err.Error(), fmt.Sprintf(" got %d", uint32(sDenied))) { // x/crypto knows no other answer than yes
			return nil, nil, nil, said("proxy", &Refusal{Denied: true, Reason: "Permission denied"})
		}
		return nil, nil, nil, fmt.Errorf("master proxy request: %w", err)
	}
	return c, chans, reqs, nil
}

// gone names an end of file in the middle of a conversation.
func gone(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("read from master: Broken pipe (%w)", io.EOF)
	}
	return err
}

// Wait returns when the master is gone, or ctx ends.
func (c *Client) Wait(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	for {
		if _, err := readMessage(c.conn); err != nil {
			return
		}
	}
}
