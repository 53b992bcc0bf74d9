//go:build unix

// Package descriptor takes file descriptors that another program passes.
package descriptor

import (
	"errors"
	"io"
	"net"

	"golang.org/x/sys/unix"
)

// most is how many descriptors one message can have, on Linux. There is room for
// all of them: what is cut off was made for us already on some systems, under
// numbers that we never learn.
const most = 253

// Receive takes the first descriptor that comes with the next byte, as ssh does,
// and closes the others. No program that we start inherits it. It is io.EOF when
// the other end is gone.
func Receive(conn *net.UnixConn) (fd int, err error) {
	b, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4*most))
	n, oobn, flags, _, err := conn.ReadMsgUnix(b, oob) // close-on-exec, at once where the system can
	if errors.Is(err, io.EOF) {
		return -1, io.EOF
	}
	if err != nil {
		return -1, err
	}
	got := rights(oob[:oobn])
	switch {
	case n == 0 || len(got) == 0:
		closeAll(got)
		return -1, errors.New("did not receive file descriptors")
	case flags&unix.MSG_CTRUNC != 0: // nobody sends so many in good faith
		closeAll(got)
		return -1, errors.New("received too many file descriptors")
	}
	closeAll(got[1:])
	return got[0], nil
}

// rights are all descriptors of a control message, however many parts it has.
func rights(oob []byte) (fds []int) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for _, m := range messages {
		if some, err := unix.ParseUnixRights(&m); err == nil {
			fds = append(fds, some...)
		}
	}
	return fds
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
