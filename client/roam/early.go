package roam

import (
	"context"
	"net"
	"time"

	"tssh/proxy"
	"tssh/proxy/mux"
	"tssh/proxy/terms"
	"tssh/proxy/wire"
)

const (
	// maxFirst is how old first words may be when they are answered: QUIC takes the
	// time for that of a round trip, and waits by it for what is lost.
	maxFirst = time.Second

	// narrowAfter is how long a UDP path that works may keep back QUIC's datagrams:
	// small ones pass and those of the usual size do not, as it seems.
	narrowAfter = 10 * time.Second
	narrowLoss  = 0.1 // of which they may be late
)

// firstWords are QUIC's, before there is a server: they go with the offer, which
// saves a round trip. All methods of a nil one do nothing, or give nothing.
type firstWords struct {
	early *proxy.Early
	dial  *mux.Beginning
	since time.Time
}

func begin(c Config, identity *mux.Identity) *firstWords {
	if c.Transport != wire.QUIC {
		return nil
	}
	e := proxy.NewEarly()
	e.Patience = c.patience
	config := mux.Config{Identity: identity, MTU: c.MTU, Logf: c.Log.Debugf}
	return &firstWords{e, mux.Begin(e, e.Peer(), config), time.Now()}
}

func (f *firstWords) said() []byte {
	if f == nil {
		return nil
	}
	return f.early.Said()
}

// answered tells whether a greeting is an answer to them, of which they can be
// gone on with.
func (f *firstWords) answered(g terms.Greeting) bool {
	return f != nil && len(g.Hello) > 0 && time.Since(f.since) <= maxFirst
}

func (f *firstWords) end() *proxy.Early {
	if f == nil {
		return nil
	}
	return f.early
}

// finish is the rest of mux.Dial, when there are paths.
func (f *firstWords) finish(ctx context.Context, g terms.Greeting, bulk net.Addr) (mux.Conn, error) {
	f.dial.Tell(g.ServerPin)
	f.early.Hear(g.Hello)
	return f.dial.Finish(ctx, bulk)
}

// close gives them up.
func (f *firstWords) close() {
	if f != nil {
		f.early.Close()
		f.dial.Close()
	}
}

// prove waits until datagrams of the usual size came through, both ways, which
// the dialing of a path shows by itself. It is for a session that is in use since
// QUIC's last words, which it began by the first.
func (s *Session) prove(ctx context.Context) error {
	soon, cancel := context.WithTimeout(ctx, narrowAfter)
	defer cancel()
	err := s.mux.Confirmed(soon)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if at := s.proxy.State(); at.Kind == wire.UDP.String() && at.Online && at.Loss < narrowLoss {
		s.cfg.Log.Debugf("UDP to %v takes small datagrams only", at.Remote)
		s.proxy.Avoid(wire.UDP)
	}
	return s.mux.Confirmed(ctx)
}
