// Package accept takes the connections of a listener for as long as it is open.
package accept

import (
	"errors"
	"net"
	"time"
)

const (
	// pause is how long a listener rests that can't accept, instead of spinning.
	pause = 100 * time.Millisecond

	// spell is how long it has to be well before it may complain again: where
	// descriptors are scarce, each that is closed lets one connection in.
	spell = time.Minute
)

// Each gives take every connection that accept, the method of a listener, brings,
// until the listener is closed. No other error ends it: out of descriptors or of
// memory, or a connection that went before it was taken, all pass, and a port
// that stays open must not be deaf ever after. The first error of a spell goes to
// say; nil is silent.
func Each[C any](accept func() (C, error), say func(error), take func(C)) {
	var ill time.Time
	for {
		conn, err := accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			take(conn)
			continue
		}
		if say != nil && (ill.IsZero() || time.Since(ill) >= spell) {
			say(err)
		}
		ill = time.Now()
		<-time.After(pause)
	}
}
