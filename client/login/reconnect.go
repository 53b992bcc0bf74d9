package login

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"tssh/client/config"
	"tssh/client/voice"
	"tssh/proxy/cause"
)

const (
	dialEvery = time.Second     // another attempt begins,
	dialFor   = 7 * time.Second // and each may take as long as its second repetition is of use
)

// reconnect is connect for a login that is made again, most often while the
// network is away: the system repeats an unanswered request after 1, 2, 4 and
// more seconds, and would be found waiting when the network comes back. So a
// new connection is begun each second, to one address of the host after the
// other, and the first that stands is taken.
//
// The address of the login before comes first: behind a name with several there
// may be several hosts, and only one of them is ours.
func reconnect(ctx context.Context, h *config.Host, last netip.Addr, log voice.Log) (net.Conn, []netip.Addr, error) {
	addrs, err := resolve(ctx, h)
	if err != nil {
		return nil, nil, err
	}
	if i := slices.Index(addrs, last); i > 0 {
		addrs = slices.Insert(slices.Delete(addrs, i, i+1), 0, last)
	}
	log.Debugf("Connecting to %s port %d again.", h.HostName, h.Port)
	conn, err := race(ctx, len(addrs), func(ctx context.Context, i int) (net.Conn, error) {
		// Silent: an address of ours that is away would be told of each second.
		conn, err := connectOne(ctx, h, addrs[i], nil)
		if conn == nil && err == nil {
			err = syscall.EADDRNOTAVAIL
		}
		return conn, err
	})
	if ctx.Err() != nil && conn == nil {
		return nil, nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, nil, &Error{Words: fmt.Sprintf("ssh: connect to host %s port %d: %s", h.HostName, h.Port, cause.Of(err)), Cause: err}
	}
	return conn, addrs, nil
}

// race begins dial(i) for one i below n after the other, over and over, one each
// dialEvery and another as soon as one fails, and returns the first connection.
// It gives up with the last error when each failed and none is under way.
func race(ctx context.Context, n int, dial func(context.Context, int) (net.Conn, error)) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		conn net.Conn
		err  error
	}
	results := make(chan result)
	begun, failed := 0, 0
	begin := func() {
		i := begun % n
		begun++
		go func() {
			once, done := context.WithTimeout(ctx, dialFor)
			conn, err := dial(once, i)
			done()
			select {
			case results <- result{conn, err}:
			case <-ctx.Done():
				if conn != nil {
					conn.Close()
				}
			}
		}()
	}
	tick := time.NewTicker(dialEvery)
	defer tick.Stop()
	begin()
	for {
		select {
		case r := <-results:
			if r.conn != nil {
				return r.conn, nil
			}
			if failed++; failed == begun && failed >= n {
				return nil, r.err
			}
			if begun < n {
				begin()
			}
		case <-tick.C:
			begin()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
