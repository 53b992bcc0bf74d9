package accept

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestAcceptingGoesOn through whatever passes, without spinning, and says so once.
func TestAcceptingGoesOn(t *testing.T) {
	for _, passes := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR, syscall.EPROTO} {
		synctest.Test(t, func(t *testing.T) {
			broken := &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", passes)}
			begin, asked := time.Now(), 0
			var said []error
			var taken []int
			Each(func() (int, error) {
				switch asked++; {
				case time.Since(begin) < time.Hour && asked%3 != 0:
					return 0, broken
				case time.Since(begin) < time.Hour:
					return asked, nil
				case time.Since(begin) < time.Hour+2*spell:
					<-time.After(2 * spell) // well
					return -1, nil
				case time.Since(begin) < 2*time.Hour:
					return 0, broken
				}
				return 0, fmt.Errorf("accept: %w", net.ErrClosed)
			}, func(err error) { said = append(said, err) }, func(c int) { taken = append(taken, c) })
			if len(said) != 2 || !errors.Is(said[0], passes) {
				t.Errorf("%v: said %d times: %v", passes, len(said), said)
			}
			if !slices.Contains(taken, 3) || !slices.Contains(taken, -1) {
				t.Errorf("%v: not all was taken", passes)
			}
			if most := int(2*time.Hour/pause) * 3; asked > most {
				t.Errorf("%v: asked %d times in two hours", passes, asked)
			}
		})
	}
}

func TestNobodyListensToTheComplaint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errs := []error{syscall.EMFILE, net.ErrClosed}
		Each(func() (int, error) {
			err := errs[0]
			errs = errs[1:]
			return 0, err
		}, nil, func(int) { t.Error("what was taken?") })
	})
}
