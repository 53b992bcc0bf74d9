package roam

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tssh/client/auth"
	"tssh/client/bootstrap"
	"tssh/client/login"
)

// Move moves a login to the proxies. It returns no Session where that can't be
// had: a login that ssh would make is not to fail for it, unless UdpFallback says
// so. The login that stands then is returned; it may be a newer one.
func Move(ctx context.Context, l *login.Login, c Config) (*Session, *login.Login, error) {
	start := time.Now()
	for again := 0; ; again++ {
		s, current, err := Open(ctx, l, c)
		if err == nil {
			c.Log.Debugf("Moved to %s in %v.", c.Transport, time.Since(start).Round(time.Millisecond))
			return s, current, nil
		}
		var no *NotGiven
		if errors.As(err, &no) {
			return nil, current, err
		}
		if l = current; ctx.Err() != nil {
			return nil, l, context.Cause(ctx)
		}
		lost := errors.Is(err, bootstrap.ErrLost)
		if lost && again < maxAgain || !l.Stands() {
			// Nothing of the user's has run yet, so it is safe to begin again.
			c.Log.Debugf("%v; logging in again.", err)
			fresh, failed := logInAgain(ctx, l)
			if failed != nil {
				c.Log.Debugf("%v", failed)
				return nil, l, l.Wait() // in ssh's words
			}
			l.Close()
			if l = fresh; lost && again < maxAgain {
				continue
			}
		}
		if !c.Fallback {
			return nil, l, fmt.Errorf("tssh: %s: %w", c.HostName, err)
		}
		why := strings.ReplaceAll(err.Error(), "\ntssh: hint: ", "; ")
		c.Log.Infof("tssh: %s: %s; going on without UDP", c.HostName, why)
		return nil, l, nil
	}
}

// How often a login whose network went away is made again before it is ssh's,
// and for how long.
const (
	maxAgain = 2
	tryAgain = 30 * time.Second
)

// logInAgain waits for the network for a while.
func logInAgain(ctx context.Context, l *login.Login) (*login.Login, error) {
	ctx, cancel := context.WithTimeout(ctx, tryAgain)
	defer cancel()
	for {
		fresh, err := l.Redial(ctx)
		if err == nil || ctx.Err() != nil {
			return fresh, err
		}
		var refused *auth.Denied
		if errors.As(err, &refused) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(time.Second):
		}
	}
}
