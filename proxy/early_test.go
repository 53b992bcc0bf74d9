package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"tssh/proxy/admit"
	"tssh/proxy/mux"
	"tssh/proxy/simnet"
	"tssh/proxy/terms"
	"tssh/proxy/wire"
)

// login is a session whose first words went with the offer and the greeting.
type login struct {
	t             *testing.T
	phone, far    *simnet.Host
	client        *Client
	server        *Server
	mux, there    mux.Conn
	offer, answer []byte
}

// greeted runs f on a session that has just been greeted, over that link. change
// may do something to the first words, and before to the network: its packets fly
// when f begins.
func greeted(t *testing.T, link simnet.Link, mode wire.Mode, f func(*login), change func(offer, answer []byte) []byte, before ...func(*simnet.Host)) {
	t.Helper()
	simnet.Bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		l := &login{t: t}
		l.phone, l.far = simnet.Pair(t, link)
		for _, does := range before {
			does(l.phone)
		}
		a, b := newIdentity(t), newIdentity(t)

		near := NewEarly()
		begun := mux.Begin(near, near.Peer(), mux.Config{Identity: a})
		l.offer = near.Said()
		time.Sleep(link.Delay)
		home := NewEarly()
		listening, err := mux.Listen(home, mux.Config{Identity: b, PeerPin: a.Pin()})
		if err != nil {
			t.Fatal(err)
		}
		home.Hear(l.offer)
		l.answer = home.Said()
		l.server, err = Listen(ctx, ServerConfig{Secret: secret, Transport: "quic", Mode: mode, Network: l.far, Ports: []int{61001}, Early: home})
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			if l.there, err = listening.Accept(ctx); err == nil {
				l.echoes(ctx)
			}
		}()
		time.Sleep(link.Delay)

		l.client, err = Dial(ctx, ClientConfig{Secret: secret, Transport: "quic", Mode: mode, Network: l.phone,
			Servers: []netip.AddrPort{l.far.Addr(61001)}, Early: near})
		if err != nil {
			t.Fatal(err)
		}
		begun.Tell(b.Pin())
		answer := l.answer
		if change != nil {
			answer = change(l.offer, l.answer)
		}
		near.Hear(answer)
		began := time.Now()
		dialing, stop := context.WithTimeout(ctx, 10*time.Second)
		l.mux, err = begun.Finish(dialing, nil)
		stop()
		switch {
		case change != nil && err == nil:
			t.Error("the answer was believed")
		case change != nil:
			t.Log(err)
		case err != nil:
			t.Fatal(err)
		case time.Since(began) > 0:
			t.Errorf("the handshake took %v after the greeting", time.Since(began))
		default:
			f(l)
		}
		if l.mux != nil {
			l.mux.Close()
		}
		cancel()
		<-served
		if l.there != nil {
			l.there.Close()
		}
		l.client.Close()
		l.server.Close()
		time.Sleep(time.Minute) // for what QUIC says last
	})
}

func newIdentity(t *testing.T) *mux.Identity {
	t.Helper()
	i, err := mux.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// echoes serves streams, on which comes back what was written.
func (l *login) echoes(ctx context.Context) {
	for {
		s, err := l.there.Accept(ctx)
		if err != nil {
			return
		}
		go func() {
			io.Copy(s, s)
			s.Close()
		}()
	}
}

// echo writes on a new stream and waits for what comes back.
func (l *login) echo(text []byte) time.Duration {
	l.t.Helper()
	began := time.Now()
	s, err := l.mux.Open(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	go s.Write(text)
	got := make([]byte, len(text))
	if _, err := io.ReadFull(s, got); err != nil || !bytes.Equal(got, text) {
		l.t.Fatalf("%d bytes: %v", len(text), err)
	}
	return time.Since(began)
}

func (l *login) confirmed(within time.Duration) bool {
	ctx, cancel := context.WithTimeout(l.t.Context(), within)
	defer cancel()
	return l.mux.Confirmed(ctx) == nil
}

// TestFirstEchoAfterTheGreetingTakesOneRoundTrip: QUIC's handshake is over then, and
// what the user wants goes with its last words.
func TestFirstEchoAfterTheGreetingTakesOneRoundTrip(t *testing.T) {
	greeted(t, wifi, wire.Auto, func(l *login) {
		t.Logf("first words of %d and %d bytes", len(l.offer), len(l.answer))
		within(t, "the first echo", l.echo([]byte("hello")), rtt+time.Millisecond)
		if !l.confirmed(time.Second) {
			t.Error("it is not confirmed")
		}
		l.echo(bytes.Repeat([]byte("bulk"), 1<<18))
	}, nil)
	for _, mode := range []wire.Mode{wire.Auto, wire.OnlyTCP} {
		link := wifi
		link.NoUDP = true
		greeted(t, link, mode, func(l *login) {
			within(t, "the first echo by TCP in mode "+string(mode), l.echo([]byte("hello")), 1500*time.Millisecond)
			l.echo(bytes.Repeat([]byte("bulk"), 1<<18))
		}, nil)
	}
	link := wifi
	link.Loss = 0.3
	greeted(t, link, wire.Auto, func(l *login) {
		within(t, "the first echo at 30% loss", l.echo([]byte("hello")), 20*time.Second)
	}, nil)
}

// TestNarrowPathIsFoundOut, which lets small datagrams through and so looks as if it
// worked, one way or both.
func TestNarrowPathIsFoundOut(t *testing.T) {
	for range 5 { // QUIC may share the datagram of its last words with our first, or not
		for name, narrow := range map[string]func(simnet.Packet) bool{
			"there":     func(p simnet.Packet) bool { return len(p.Data) > 1100 && p.To.Port() == 61001 },
			"back":      func(p simnet.Packet) bool { return len(p.Data) > 1100 && p.From.Port() == 61001 },
			"both ways": func(p simnet.Packet) bool { return len(p.Data) > 1100 },
		} {
			greeted(t, wifi, wire.Auto, func(l *login) {
				l.echo([]byte("hello"))
				if l.confirmed(8 * time.Second) {
					t.Errorf("%s: it is confirmed", name)
				}
				if at := l.client.State(); at.Kind != "UDP" || !at.Online {
					t.Errorf("%s: the path seems not to work: %+v", name, at)
				}
				l.client.Avoid(wire.UDP)
				if !l.confirmed(8 * time.Second) {
					t.Errorf("%s: by TCP it is not confirmed", name)
				}
				l.echo(bytes.Repeat([]byte("bulk"), 1<<16))
				l.phone.Lose(nil)
				time.Sleep(time.Minute)
				if at := l.client.State(); at.Kind != "TCP" {
					t.Errorf("%s: it is back on %s", name, at.Kind)
				}
			}, nil, func(phone *simnet.Host) { phone.Lose(narrow) })
		}
	}
}

// TestHostileFirstWords: who starts tsshd for us may answer anything, and only who
// has the key that the greeting names is believed.
func TestHostileFirstWords(t *testing.T) {
	random := make([]byte, terms.MaxHello)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	for name, change := range map[string]func(offer, answer []byte) []byte{
		"none":          func(_, _ []byte) []byte { return nil },
		"noise":         func(_, _ []byte) []byte { return random },
		"our own":       func(offer, _ []byte) []byte { return offer },
		"half":          func(_, answer []byte) []byte { return answer[:len(answer)/2] },
		"one bit less":  func(_, answer []byte) []byte { b := bytes.Clone(answer); b[600] ^= 4; return b },
		"another's key": anotherServer(t),
	} {
		t.Run(name, func(t *testing.T) {
			greeted(t, simnet.Link{Delay: rtt / 2, Down: true}, wire.Auto, nil, change)
		})
	}
}

// anotherServer answers the offer with a key of its own.
func anotherServer(t *testing.T) func(offer, _ []byte) []byte {
	return func(offer, _ []byte) []byte {
		home := NewEarly()
		l, err := mux.Listen(home, mux.Config{Identity: newIdentity(t), PeerPin: newIdentity(t).Pin()})
		if err != nil {
			t.Fatal(err)
		}
		home.Hear(offer)
		answer := home.Said()
		l.Close()
		return answer
	}
}

// TestServerWithoutItsClient: first words that nobody goes on with end with the seat,
// and a client that begins anew is let in.
func TestServerWithoutItsClient(t *testing.T) {
	simnet.Bubble(t, func(t *testing.T) {
		phone, far := simnet.Pair(t, wifi)
		a, b := newIdentity(t), newIdentity(t)
		near, home := NewEarly(), NewEarly()
		begun := mux.Begin(near, near.Peer(), mux.Config{Identity: a})
		listening, err := mux.Listen(home, mux.Config{Identity: b, PeerPin: a.Pin()})
		if err != nil {
			t.Fatal(err)
		}
		home.Hear(near.Said())
		if len(home.Said()) == 0 {
			t.Fatal("no answer")
		}
		begun.Close()
		near.Close()
		if c, err := begun.Finish(t.Context(), nil); err == nil || c != nil {
			t.Error("what was given up goes on")
		}
		server, err := Listen(t.Context(), ServerConfig{Secret: secret, Transport: "quic", Network: far, Ports: []int{61001}, Early: home})
		if err != nil {
			t.Fatal(err)
		}
		client, err := Dial(t.Context(), ClientConfig{Secret: secret, Transport: "quic", Network: phone, Servers: []netip.AddrPort{far.Addr(61001)}})
		if err != nil {
			t.Fatal(err)
		}
		accepted := make(chan mux.Conn, 1)
		go func() {
			c, err := listening.Accept(t.Context())
			if err != nil {
				t.Error(err)
			}
			accepted <- c
		}()
		m, err := mux.Dial(t.Context(), "quic", client, client.Peer(), mux.Config{Identity: a, PeerPin: b.Pin()})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Confirmed(t.Context()); err != nil {
			t.Error(err)
		}
		there := <-accepted
		m.Close()
		there.Close()
		client.Close()
		server.Close()
		if _, err := m.Open(t.Context()); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("after the end: %v", err)
		}
		time.Sleep(3 * time.Minute)
	})
}

// TestFirstFlightIsNotLost: what the server writes before the client's address is proven
// waits for that, and QUIC goes on from there, twice as much each round trip.
func TestFirstFlightIsNotLost(t *testing.T) {
	link := simnet.Link{Delay: 100 * time.Millisecond, Rate: 12_500_000}
	greeted(t, link, wire.Auto, func(l *login) {
		text := make([]byte, 4<<20)
		rand.NewChaCha8([32]byte{1}).Read(text)
		if took := l.echo(text); took > 2500*time.Millisecond {
			t.Errorf("%d bytes there and back took %v", len(text), took)
		} else {
			t.Log(took)
		}
	}, nil)
}

// TestHeldIsBounded: nothing is kept for nobody, and not more than that for a client that
// is on trial.
func TestHeldIsBounded(t *testing.T) {
	s := &Server{door: admit.New[place](challenge)}
	packet := make([]byte, 1200)
	if s.holdLocked(packet, 0, 0) {
		t.Error("kept, and nobody has knocked")
	}
	s.door.Knock(time.Now(), place{peer: netip.MustParseAddrPort("192.0.2.1:9")}, wire.Knock{Sequence: 1, Claim: true})
	kept := 0
	for s.holdLocked(packet, 0, 0) {
		kept += len(packet)
	}
	if kept > mostHeld || kept < 32*1452 {
		t.Errorf("%d bytes are kept", kept)
	}
}
