//go:build !unix

package control

import (
	"context"
	"errors"
	"net"
	"os"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/session"
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

// Runner has nothing to run here.
func Runner(ssh.Conn, *config.Host, func(*session.Options), func(*Session, ssh.Channel)) func(context.Context, *Session) (int, error) {
	return nil
}
