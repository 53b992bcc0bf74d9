package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"tssh/proxy/cause"
	"tssh/proxy/visible"
)

// Reason says what ended a connection.
type Reason int

// The reasons.
const (
	Closed       Reason = iota // by the other side, without a word
	Reset                      // by the network
	TimedOut                   // nothing came for too long
	Disconnected               // by a disconnect message
	Corrupted                  // a packet that is not what was sent
	Refused                    // by us: the host's key, no common algorithm, bad values
)

// Error ends a connection.
type Error struct {
	Reason Reason
	Words  []string // lines that ssh logs as it happens, before its last one
	Detail string   // ssh's short text for it
	Step   string   // what was being done, where ssh names that in its last line; "": all that comes after
	Err    error
}

func (e *Error) Error() string {
	if e.Detail == "" && e.Err != nil {
		return visible.Line(e.Err.Error())
	}
	return e.Detail
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func corrupt(words string) error {
	return &Error{Reason: Corrupted, Words: []string{words}, Detail: "Connection corrupted"}
}

func badLength(n uint32) error { return corrupt(fmt.Sprintf("Bad packet length %d.", n)) }

// badMAC is a wrong tag of a separate MAC, errMAC that of an AEAD: ssh has a
// line more for the first.
func badMAC() error {
	return &Error{Reason: Corrupted, Words: []string{"Corrupted MAC on input."}, Detail: "message authentication code incorrect"}
}

func errMAC() error {
	return &Error{Reason: Corrupted, Detail: "message authentication code incorrect"}
}

// midPacket keeps an end inside of a packet from looking like a quiet one.
func midPacket(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Classify makes an *Error of what ended a connection, where it is none yet.
func Classify(err error) error {
	var own *Error
	var errno syscall.Errno
	var timeout net.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe), errors.Is(err, os.ErrClosed):
		return &Error{Reason: Closed, Detail: "Connection closed", Err: err}
	case errors.As(err, &timeout) && timeout.Timeout() && !errors.As(err, &errno):
		return &Error{Reason: TimedOut, Detail: "Connection timed out", Err: err}
	case errors.As(err, &errno):
		return &Error{Reason: Reset, Detail: cause.Of(errno), Err: err}
	}
	// Decoders quote what they could not read: the server's own words.
	return &Error{Reason: Refused, Detail: visible.Line(err.Error()), Err: err}
}

// leadingString reads a string and leaves alone what follows it.
func leadingString(b []byte) (s string, rest []byte) {
	if len(b) < 4 {
		return "", nil
	}
	n := binary.BigEndian.Uint32(b)
	if b = b[4:]; uint64(n) > uint64(len(b)) {
		return "", nil
	}
	return string(b[:n]), b[n:]
}
