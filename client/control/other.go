//go:build !unix

package control

import (
	"errors"
	"net"
	"os"

	"tssh/client/tty"
)

// Supported says whether connections can be shared here. No descriptor can be
// passed, so there is nothing to share one by; Dial and Listen say so.
const Supported = false

const maxPath = 108

func sendFile(*net.UnixConn, *os.File) error   { return errors.ErrUnsupported }
func receiveFile(*net.UnixConn) (int, error)   { return -1, errors.ErrUnsupported }
func listen(string) (*net.UnixListener, error) { return nil, errors.ErrUnsupported }
func relayResizes(int) func()                  { return func() {} }

// Stdio is a descriptor that a client has passed; here none can.
type Stdio struct{ os.File }

func newStdio(int) (*Stdio, error) { return nil, errors.ErrUnsupported }
func refused(error) bool           { return false }

// Terminal is a client's; here there is none.
type Terminal struct{ *tty.Terminal }

// Terminal is never there.
func (s *Session) Terminal() (*Terminal, error) { return nil, errors.ErrUnsupported }

// Close has nothing to do.
func (t *Terminal) Close() {}
