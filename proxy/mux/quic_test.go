package mux

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tssh/proxy/simnet"
	"tssh/proxy/wire"

	"github.com/quic-go/quic-go"
)

func TestQUICRefusesOtherKeys(t *testing.T) {
	stranger, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name          string
		client        func(*Config)
		dial, confirm bool // what works
	}{
		{"the right keys", func(*Config) {}, true, true},
		{"a client with another key", func(c *Config) { c.Identity = stranger }, true, false},
		{"a server with another key", func(c *Config) { c.PeerPin = stranger.Pin() }, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			simnet.Bubble(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				cc, sc := configs(t)
				c.client(&cc)
				ce, se := newLink(t, &link{delay: 10 * time.Millisecond})
				served := make(chan error, 1)
				go func() {
					server, err := Serve(ctx, "quic", se, sc)
					served <- err
					if err == nil {
						<-ctx.Done()
						server.Close()
					}
				}()
				client, err := Dial(ctx, "quic", ce, se.addr, cc)
				if (err == nil) != c.dial {
					t.Fatalf("Dial: %v", err)
				}
				if err == nil {
					if err := client.Confirmed(ctx); (err == nil) != c.confirm {
						t.Errorf("Confirmed: %v", err)
					} else {
						t.Logf("Confirmed: %v", err)
					}
					client.Close()
				}
				if err := <-served; (err == nil) != c.confirm {
					t.Errorf("Serve: %v", err)
				}
			})
		})
	}
}

func TestQUICAcceptsOneConnectionOnly(t *testing.T) {
	simnet.Bubble(t, func(t *testing.T) {
		cc, sc := configs(t)
		ce, se := newLink(t, &link{delay: 10 * time.Millisecond})
		accepted := make(chan Conn, 1)
		go func() {
			c, err := Serve(t.Context(), "quic", se, sc)
			if err != nil {
				t.Error(err)
			}
			accepted <- c
		}()
		first, err := Dial(t.Context(), "quic", ce, se.addr, cc)
		if err != nil {
			t.Fatal(err)
		}
		server := <-accepted
		defer server.Close()
		// The same key comes again, as if it had leaked.
		first.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if c, err := Dial(ctx, "quic", ce, se.addr, cc); err == nil {
			c.Close()
			t.Error("a second connection was accepted")
		}
	})
}

func TestQUICIdleIsSilent(t *testing.T) {
	simnet.Bubble(t, func(t *testing.T) {
		ce := connectIdle(t, "quic")
		before := ce.count()
		time.Sleep(24 * time.Hour)
		if n := ce.count() - before; n != 0 {
			t.Errorf("%d datagrams in a day of silence", n)
		}
	})
}

// connectIdle gives the client's end of a connection that has calmed down.
func connectIdle(t *testing.T, transport wire.Transport) *end {
	client, server := connect(t, transport, &link{delay: 10 * time.Millisecond})
	s := open(t, client)
	s.Write([]byte("hello"))
	accept(t, server).Read(make([]byte, 5))
	time.Sleep(time.Minute)
	switch c := client.(*conn).multiplexer.(type) {
	case *quicConn:
		return c.transport.Conn.(unsized).PacketConn.(*end)
	}
	return nil
}

// TestPeersWordsAreCleaned where they enter: a reason for an end is any text.
func TestPeersWordsAreCleaned(t *testing.T) {
	evil := "\x1b]0;title\a\x1b[2Jbye\nConnection closed."
	for _, err := range []error{
		&quic.TransportError{Remote: true, ErrorCode: quic.ProtocolViolation, ErrorMessage: evil},
		fmt.Errorf("dial: %w", &quic.TransportError{Remote: true, ErrorMessage: evil}),
		&quic.ApplicationError{Remote: true, ErrorMessage: evil},
	} {
		if got := quicError(err).Error(); strings.ContainsAny(got, "\x1b\a\n") {
			t.Errorf("%T: %q", err, got)
		}
	}
}
