package mux

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tssh/proxy/simnet"
	"tssh/proxy/wire"
)

var transports = []wire.Transport{wire.QUIC, wire.KCP}

// story runs f in fake time with each transport.
func story(t *testing.T, f func(t *testing.T, transport wire.Transport)) {
	for _, transport := range transports {
		t.Run(string(transport), func(t *testing.T) {
			simnet.Bubble(t, func(t *testing.T) { f(t, transport) })
		})
	}
}

func configs(t *testing.T) (client, server Config) {
	t.Helper()
	a, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	secret := [32]byte{7}
	return Config{Identity: a, PeerPin: b.Pin(), Secret: secret, Logf: t.Logf},
		Config{Identity: b, PeerPin: a.Pin(), Secret: secret, Logf: t.Logf}
}

// connect gives both ends of a connection over l.
func connect(t *testing.T, transport wire.Transport, l *link) (client, server Conn) {
	t.Helper()
	cc, sc := configs(t)
	ce, se := newLink(t, l)
	accepted := make(chan Conn, 1)
	go func() {
		c, err := Serve(t.Context(), transport, se, sc)
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	client, err := Dial(t.Context(), transport, ce, se.addr, cc)
	if err != nil {
		t.Fatal(err)
	}
	if server = <-accepted; server == nil {
		t.FailNow()
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

func open(t *testing.T, c Conn) Stream {
	t.Helper()
	s, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func accept(t *testing.T, c Conn) Stream {
	t.Helper()
	s, err := c.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// noise is n bytes that differ from place to place.
func noise(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func TestStreamsCarryBothWaysAndHalfClose(t *testing.T) {
	story(t, func(t *testing.T, transport wire.Transport) {
		client, server := connect(t, transport, &link{delay: 20 * time.Millisecond})
		up, down := noise(300_000), noise(500_000)
		go func() {
			s := accept(t, server)
			got, err := io.ReadAll(s)
			if err != nil || !bytes.Equal(got, up) {
				t.Errorf("server read %d bytes, %v", len(got), err)
			}
			s.Write(down)
			s.CloseWrite()
		}()
		s := open(t, client)
		if _, err := s.Write(up); err != nil {
			t.Fatal(err)
		}
		if err := s.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(s)
		if err != nil || !bytes.Equal(got, down) {
			t.Fatalf("client read %d bytes, %v", len(got), err)
		}
		s.Close()
	})
}

func TestFirstAnswerComesAfterTwoRoundTrips(t *testing.T) {
	const rtt = 200 * time.Millisecond
	for transport, most := range map[wire.Transport]time.Duration{"quic": 2 * rtt, "kcp": rtt} {
		if !offered(transport) {
			continue
		}
		t.Run(string(transport), func(t *testing.T) {
			simnet.Bubble(t, func(t *testing.T) {
				cc, sc := configs(t)
				ce, se := newLink(t, &link{delay: rtt / 2})
				began := time.Now()
				go func() {
					server, err := Serve(t.Context(), transport, se, sc)
					if err != nil {
						t.Error(err)
						return
					}
					s := accept(t, server)
					io.Copy(s, s)
					server.Close()
				}()
				client, err := Dial(t.Context(), transport, ce, se.addr, cc)
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				s := open(t, client)
				s.Write([]byte("echo"))
				if _, err := io.ReadFull(s, make([]byte, 4)); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took > most+20*time.Millisecond {
					t.Errorf("the first answer came after %v", took)
				}
				s.Close()
			})
		})
	}
}

func offered(transport wire.Transport) bool {
	for _, o := range transports {
		if o == transport {
			return true
		}
	}
	return false
}

// The contexts of Dial and Serve are for the beginning, not for the connection.
func TestConnectionOutlivesTheContextsOfItsMaking(t *testing.T) {
	story(t, func(t *testing.T, transport wire.Transport) {
		cc, sc := configs(t)
		ce, se := newLink(t, &link{delay: 10 * time.Millisecond})
		ctx, cancel := context.WithCancel(t.Context())
		accepted := make(chan Conn, 1)
		go func() {
			c, err := Serve(ctx, transport, se, sc)
			if err != nil {
				t.Error(err)
			}
			accepted <- c
		}()
		client, err := Dial(ctx, transport, ce, se.addr, cc)
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Confirmed(t.Context()); err != nil {
			t.Fatal(err)
		}
		server := <-accepted
		cancel()
		time.Sleep(time.Minute)
		s := open(t, client)
		s.Write([]byte("x"))
		if _, err := accept(t, server).Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
		client.Close()
		server.Close()
	})
}

func TestServeEndsWithItsContext(t *testing.T) {
	story(t, func(t *testing.T, transport wire.Transport) {
		_, sc := configs(t)
		_, se := newLink(t, &link{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := Serve(ctx, transport, se, sc); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Serve: %v", err)
		}
	})
}

// A key is echoed soon though other streams are full both ways.
func TestKeysPassBulk(t *testing.T) {
	story(t, func(t *testing.T, transport wire.Transport) {
		const rtt = 40 * time.Millisecond
		client, server := connect(t, transport, &link{delay: rtt / 2, rate: 2_000_000, queue: 100_000})
		go func() {
			for {
				s, err := server.Accept(t.Context())
				if err != nil {
					return
				}
				go func() {
					kind := make([]byte, 1)
					io.ReadFull(s, kind)
					if kind[0] == 'k' {
						Urgent(s)
						io.Copy(s, s)
						return
					}
					go io.Copy(io.Discard, s)
					for {
						if _, err := s.Write(make([]byte, 32<<10)); err != nil {
							return
						}
					}
				}()
			}
		}()
		for range 2 {
			s := open(t, client)
			go io.Copy(io.Discard, s)
			go func() {
				for {
					if _, err := s.Write(make([]byte, 32<<10)); err != nil {
						return
					}
				}
			}()
		}
		s := open(t, client)
		Urgent(s)
		s.Write([]byte("k"))
		time.Sleep(5 * time.Second)
		var worst, all time.Duration
		for range 50 {
			began := time.Now()
			s.Write([]byte("x"))
			if _, err := io.ReadFull(s, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			took := time.Since(began)
			worst, all = max(worst, took), all+took
			time.Sleep(100 * time.Millisecond)
		}
		t.Logf("echo %v on average, %v at worst", all/50, worst)
		// QUIC lets them pass, KCP only on their way into it.
		if most := map[wire.Transport]time.Duration{"quic": 3 * rtt, "kcp": 10 * rtt}[transport]; all/50 > most {
			t.Errorf("an echo takes %v", all/50)
		}
	})
}

func TestManyStreamsAtOnce(t *testing.T) {
	story(t, func(t *testing.T, transport wire.Transport) {
		const n = 2000
		client, server := connect(t, transport, &link{delay: 20 * time.Millisecond})
		go func() {
			for range n {
				s, err := server.Accept(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				go func() { io.Copy(s, s); s.CloseWrite() }()
			}
		}()
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				s := open(t, client)
				want := fmt.Sprint("stream ", i)
				io.WriteString(s, want)
				s.CloseWrite()
				got, err := io.ReadAll(s)
				if err != nil || string(got) != want {
					t.Errorf("stream %d: %q, %v", i, got, err)
				}
				s.Close()
			})
		}
		all.Wait()
	})
}

// Whoever writes and leaves at once must lose nothing, on a bad network too.
func TestTailArrivesThoughTheWriterLeaves(t *testing.T) {
	story(t, func(t *testing.T, transport wire.Transport) {
		for seed := range 10 {
			client, server := connect(t, transport, &link{delay: 30 * time.Millisecond, loss: 0.05})
			want := noise(100_000 + seed)
			s := open(t, client)
			sum := make(chan [32]byte)
			go func() {
				got, err := io.ReadAll(accept(t, server))
				if err != nil {
					t.Error(err)
				}
				sum <- sha256.Sum256(got)
			}()
			go func() {
				s.Write(want)
				s.CloseWrite()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := client.Shutdown(ctx); err != nil {
					t.Error(err)
				}
			}()
			if <-sum != sha256.Sum256(want) {
				t.Error("bytes were lost")
			}
			began := time.Now()
			<-server.Done()
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("the server stayed %v after its client left", took)
			}
			if !errors.Is(server.Err(), io.EOF) && !errors.Is(server.Err(), net.ErrClosed) {
				t.Errorf("the server ended with %v", server.Err())
			}
		}
	})
}

func TestShutdownOfADeadNetworkEndsWhenTold(t *testing.T) {
	story(t, func(t *testing.T, transport wire.Transport) {
		l := &link{delay: 20 * time.Millisecond}
		client, _ := connect(t, transport, l)
		s := open(t, client)
		l.cut(true)
		s.Write([]byte("nobody hears this"))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		if err := client.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("it took %v", took)
		}
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read: %v", err)
		}
	})
}

// Who is told that the peer leaves can let go of what others wait for, though
// the peer's last words are still to be read.
func TestLeavingComesBeforeTheEnd(t *testing.T) {
	story(t, func(t *testing.T, transport wire.Transport) {
		client, server := connect(t, transport, &link{delay: 20 * time.Millisecond})
		s := open(t, client)
		s.Write([]byte("x"))
		last := accept(t, server)
		left := make(chan error, 1)
		go func() { left <- client.Shutdown(t.Context()) }()
		<-server.Leaving()
		synctest.Wait()
		select {
		case err := <-left:
			t.Errorf("the client has gone before it was read: %v", err)
		case <-client.Leaving():
			t.Error("the server leaves")
		default:
		}
		if got, err := io.ReadAll(last); string(got) != "x" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		if err := <-left; err != nil {
			t.Error(err)
		}
	})
}

func TestCloseTellsThePeer(t *testing.T) {
	story(t, func(t *testing.T, transport wire.Transport) {
		client, server := connect(t, transport, &link{delay: 20 * time.Millisecond})
		s := open(t, client)
		s.Write([]byte("x"))
		accept(t, server)
		server.Close()
		<-client.Done()
		if !errors.Is(client.Err(), io.EOF) {
			t.Errorf("Err: %v", client.Err())
		}
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("Read: %v", err)
		}
		if _, err := client.Open(t.Context()); err == nil {
			t.Error("a stream opened after the end")
		}
		if _, err := server.Accept(t.Context()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept: %v", err)
		}
		server.Close()
	})
}

// Who writes to a peer that gave up a stream must not wait for ever, and what was
// written before the peer's Close is there to read.
func TestCloseOfAStreamFreesTheOtherEnd(t *testing.T) {
	story(t, func(t *testing.T, transport wire.Transport) {
		client, server := connect(t, transport, &link{delay: 20 * time.Millisecond})
		s := open(t, client)
		s.Write([]byte("hello"))
		far := accept(t, server)
		far.Write([]byte("sorry"))
		reading := make(chan error, 1)
		go func() {
			io.ReadFull(far, make([]byte, 5))
			_, err := far.Read(make([]byte, 1))
			reading <- err
		}()
		time.Sleep(time.Second)
		far.Close()
		if err := <-reading; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read of a closed stream: %v", err)
		}
		if got, err := io.ReadAll(s); string(got) != "sorry" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 1000 {
				if _, err := s.Write(make([]byte, 32<<10)); err != nil {
					return // QUIC tells it, KCP takes it all
				}
			}
			s.Close()
		}()
		select {
		case <-done:
		case <-time.After(time.Hour):
			t.Error("the writer waits for ever")
		}
		s.Close()
		time.Sleep(time.Minute)
		if m, ok := client.(*conn).multiplexer.(*kcpConn); ok && m.mux.NumStreams() != 1 {
			t.Errorf("%d streams are left", m.mux.NumStreams())
		}
	})
}

func TestStreamsGoOnAfterALongOutage(t *testing.T) {
	story(t, func(t *testing.T, transport wire.Transport) {
		l := &link{delay: 20 * time.Millisecond}
		client, server := connect(t, transport, l)
		go func() { s := accept(t, server); io.Copy(s, s) }()
		s := open(t, client)
		echo := func(what string) {
			t.Helper()
			if _, err := io.WriteString(s, what); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(what))
			if _, err := io.ReadFull(s, got); err != nil || string(got) != what {
				t.Fatalf("%q, %v", got, err)
			}
		}
		echo("before")
		l.cut(true)
		time.AfterFunc(10*time.Hour, func() { l.cut(false); client.Returned(); server.Returned() })
		echo("typed meanwhile")
		s.Close()
	})
}

// A sender that starts too fast for the path costs time, not the connection.
func TestOvershoot(t *testing.T) {
	const megabyte = 1_000_000
	for _, l := range []*link{
		{delay: 100 * time.Millisecond, rate: 12 * megabyte, queue: 3 * megabyte},
		{delay: 100 * time.Millisecond, rate: 12 * megabyte, queue: megabyte / 4},
		{delay: 25 * time.Millisecond, rate: 12 * megabyte, queue: megabyte / 2},
		{delay: 25 * time.Millisecond, rate: 25 * megabyte, queue: megabyte / 2},
		{delay: 50 * time.Millisecond, rate: 100 * megabyte, queue: megabyte},
		{delay: 5 * time.Millisecond, rate: megabyte, queue: megabyte},
		{delay: 500 * time.Microsecond, rate: 125 * megabyte, queue: megabyte / 4},
	} {
		t.Run(fmt.Sprintf("%v %d MB/s %d kB", l.delay, l.rate/megabyte, l.queue/1000), func(t *testing.T) {
			story(t, func(t *testing.T, transport wire.Transport) {
				client, server := connect(t, transport, l)
				go func() {
					s := accept(t, server)
					io.ReadFull(s, make([]byte, 1))
					s.Write(noise(20 * megabyte))
					s.CloseWrite()
				}()
				s := open(t, client)
				s.Write([]byte("x"))
				began := time.Now()
				n, err := io.Copy(io.Discard, s)
				if err != nil || n != 20*megabyte {
					t.Fatalf("%d bytes, %v", n, err)
				}
				t.Logf("%.1f MB/s", float64(n)/time.Since(began).Seconds()/megabyte)
			})
		})
	}
}

func TestBothShutDownAtOnce(t *testing.T) {
	story(t, func(t *testing.T, transport wire.Transport) {
		client, server := connect(t, transport, &link{delay: 20 * time.Millisecond})
		s := open(t, client)
		s.Write([]byte("x"))
		far := accept(t, server)
		go io.Copy(io.Discard, far)
		go io.Copy(io.Discard, s)
		began := time.Now()
		var both sync.WaitGroup
		for _, c := range []Conn{client, server} {
			both.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := c.Shutdown(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// A peer whose control stream says nonsense loses its connection.
func TestNonsenseOnTheControlStream(t *testing.T) {
	story(t, func(t *testing.T, transport wire.Transport) {
		for _, nonsense := range []string{"?\xff\xff", "B\x00\x41", "K\x00\x01x"} {
			client, server := connect(t, transport, &link{delay: 20 * time.Millisecond})
			if err := client.Confirmed(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := client.(*conn).control.Write([]byte(nonsense)); err != nil {
				t.Fatal(err)
			}
			if transport == "quic" && nonsense[0] == 'K' {
				continue // skipped there
			}
			<-server.Done()
			<-client.Done()
		}
	})
}
