//go:build !windows

package login

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"

	"tssh/client/descriptor"
	"tssh/proxy/cause"
)

func hangUp(p *os.Process) { p.Signal(syscall.SIGHUP) }

// passed runs a command of ProxyUseFdpass: it connects, hands us the
// connection through its output and ends.
func passed(cmd *exec.Cmd) (*path, error) {
	ours, theirs, err := descriptor.Pair()
	if err != nil {
		return nil, fmt.Errorf("start proxy command: %w", err)
	}
	defer ours.Close()
	cmd.Stdin, cmd.Stdout = theirs, theirs
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return nil, &Error{Words: fmt.Sprintf("%s: %s", cmd.Path, cause.Of(err)), Cause: err}
	}
	conn, err := receive(ours)
	cmd.Wait()
	if err != nil {
		return nil, &Error{Words: fmt.Sprintf("proxy dialer did not pass back a connection: %v", err), Cause: err}
	}
	return &path{conn: conn, direct: false, close: func() error { return nil }}, nil
}

// receive takes the connection that comes through from, with a byte.
func receive(from *os.File) (net.Conn, error) {
	c, err := net.FileConn(from)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	fd, err := descriptor.Receive(c.(*net.UnixConn)) // one end of a pair
	if err == io.EOF {
		return nil, errors.New("it ended")
	}
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "connection")
	defer f.Close()
	return net.FileConn(f)
}
