//go:build unix

package forward

import (
	"errors"
	"net"
	"syscall"
)

// listenMasked listens on a unix socket that is created under mask, so that it
// is never open to others, not even for a moment. The mask is the process's: a
// file made elsewhere in that instant gets fewer rights, not more.
func (s *Set) listenMasked(path string, mask int) (net.Listener, error) {
	s.mask.Lock() // two of us must not restore each other's mask
	defer s.mask.Unlock()
	old := syscall.Umask(mask)
	defer syscall.Umask(old)
	return net.Listen("unix", path)
}

// isNoFamily tells whether the machine lacks the kind of address altogether.
func isNoFamily(err error) bool {
	return errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL) && isV6(err)
}

func isV6(err error) bool {
	var op *net.OpError
	if !errors.As(err, &op) {
		return false
	}
	a, ok := op.Addr.(*net.TCPAddr)
	return ok && a.IP.To4() == nil
}
