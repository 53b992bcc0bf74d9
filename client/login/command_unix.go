//go:build !windows

package login

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

func hangUp(p *os.Process) { p.Signal(syscall.SIGHUP) }

// passed runs a command of ProxyUseFdpass: it connects, hands us the
// connection through its output and ends.
func passed(cmd *exec.Cmd) (*path, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, fmt.Errorf("start proxy command: %w", err)
	}
	unix.CloseOnExec(pair[0])
	unix.CloseOnExec(pair[1])
	ours, theirs := os.NewFile(uintptr(pair[0]), "proxy"), os.NewFile(uintptr(pair[1]), "proxy")
	defer ours.Close()
	cmd.Stdin, cmd.Stdout = theirs, theirs
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return nil, &Error{Words: fmt.Sprintf("%s: %s", cmd.Path, cause(err)), Cause: err}
	}
	conn, err := receive(ours)
	cmd.Wait()
	if err != nil {
		return nil, &Error{Words: fmt.Sprintf("proxy dialer did not pass back a connection: %v", err), Cause: err}
	}
	return &path{conn: conn, direct: false, close: func() error { return nil }}, nil
}

// receive takes the descriptor that comes with a byte.
func receive(from *os.File) (net.Conn, error) {
	byte1, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := unix.Recvmsg(int(from.Fd()), byte1, oob, 0)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, errors.New("it ended")
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) == 0 {
		return nil, errors.New("no descriptor")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, errors.New("no descriptor")
	}
	unix.CloseOnExec(fds[0])
	f := os.NewFile(uintptr(fds[0]), "connection")
	defer f.Close()
	return net.FileConn(f)
}
