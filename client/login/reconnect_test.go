package login

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestReconnectIsReadyWhenTheNetworkIs: requests get lost for a while, each
// repeated as systems do, and the host has an address that is never reached.
func TestReconnectIsReadyWhenTheNetworkIs(t *testing.T) {
	for _, dark := range []time.Duration{0, 2500 * time.Millisecond, 9 * time.Second, 14 * time.Second, 40 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			conn, err := race(t.Context(), 2, func(ctx context.Context, i int) (net.Conn, error) {
				again := time.Second
				for i == 0 || time.Since(start) < dark {
					select {
					case <-ctx.Done():
						return nil, ctx.Err()
					case <-time.After(again):
						again *= 2
					}
				}
				a, b := net.Pipe()
				b.Close()
				return a, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
			if late := time.Since(start) - dark; late > time.Second {
				t.Errorf("dark for %s: connected %s after", dark, late)
			}
		})
	}
}

// TestReconnectGivesUp when every address refuses, and leaves nothing behind.
func TestReconnectGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []int
		_, err := race(t.Context(), 3, func(_ context.Context, i int) (net.Conn, error) {
			asked = append(asked, i)
			return nil, syscall.ECONNREFUSED
		})
		if !errors.Is(err, syscall.ECONNREFUSED) || len(asked) != 3 {
			t.Errorf("%v after asking %v", err, asked)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err = race(ctx, 1, func(ctx context.Context, _ int) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("at the end of the attempt: %v", err)
		}
	})
}
