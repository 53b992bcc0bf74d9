package proxy

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"tssh/proxy/admit"
	"tssh/proxy/hostile"
	"tssh/proxy/simnet"
	"tssh/proxy/wire"
)

// mallory is a stranger to a session.
type mallory struct {
	*hostile.Stranger
	s *session
}

func newMallory(s *session) *mallory {
	return &mallory{hostile.NewStranger(s.t, s.phone, s.far.Addr(61001)), s}
}

// unmoved checks that the session is where it was and well, and mallory got nothing.
func (m *mallory) unmoved(what string) {
	m.s.t.Helper()
	time.Sleep(2 * time.Second)
	within(m.s.t, "echo after "+what, m.s.echo("x", time.Minute), rtt+time.Millisecond)
	if at := m.s.server.State().Remote; at.Addr() != m.s.phone.Addr(0).Addr() {
		m.s.t.Errorf("%s: the server sends to %s", what, at)
	}
	if n, bytes := m.Takings(); n > 0 {
		m.s.t.Errorf("%s: mallory got %d packets, %d bytes", what, n, bytes)
	}
}

func TestReplayedKnocksChangeNothing(t *testing.T) {
	story(t, wifi, func(s *session) {
		m := newMallory(s)
		for range 10 {
			s.echo("x", time.Minute)
			time.Sleep(1300 * time.Millisecond) // between two knocks: none is under way
		}
		for _, p := range m.Knocks() {
			m.Send(p.Data) // each one, as recorded, from his own address
		}
		m.unmoved("replay")
		s.phone.Move("10.4.4.4")
		s.echo("x", time.Minute)
		time.Sleep(5300 * time.Millisecond)
		for _, p := range m.Knocks() {
			m.Send(p.Data)
		}
		m.unmoved("replay after a roam")
	})
}

func TestForgedAndMangledKnocksChangeNothing(t *testing.T) {
	story(t, wifi, func(s *session) {
		m := newMallory(s)
		s.echo("x", time.Minute)
		random := rand.New(rand.NewPCG(1, 1))
		for _, p := range m.Knocks() {
			for bit := range 8 * len(p.Data) {
				forged := slices.Clone(p.Data)
				forged[bit/8] ^= 1 << (bit % 8)
				m.Send(forged)
			}
			for n := range p.Data {
				m.Send(p.Data[:n])
			}
			m.Send(append(slices.Clone(p.Data), 0))
		}
		stranger := wire.NewClient([32]byte{9}) // the right address, but no key
		for range 100 {
			k := wire.Knock{Path: wire.UDP, Claim: true, Generation: random.Uint32(), Answer: random.Uint64()}
			m.Send(stranger.Seal(&k))
			p := simnet.Packet{From: s.client.State().Local, To: s.far.Addr(61001), Data: stranger.Seal(&k)}
			p.From = netip.AddrPortFrom(s.phone.Addr(0).Addr(), p.From.Port())
			s.phone.Network().Inject(p, 0)
		}
		m.unmoved("forgery")
	})
}

func TestReflectedPacketsChangeNothing(t *testing.T) {
	story(t, wifi, func(s *session) {
		m := newMallory(s)
		var mu sync.Mutex
		var acks []simnet.Packet
		s.phone.Tap(func(p simnet.Packet) {
			if p.From.Port() == 61001 && !wire.IsTransport(p.Data) {
				mu.Lock()
				defer mu.Unlock()
				acks = append(acks, p)
			}
		})
		s.echo("x", time.Minute)
		time.Sleep(time.Second)
		mu.Lock()
		recorded := slices.Clone(acks)
		mu.Unlock()
		for _, p := range recorded { // the server's own words, to itself
			p.From, p.To = p.To, p.From
			s.phone.Network().Inject(p, 0)
		}
		for _, p := range m.Knocks() { // and the client's
			p.From, p.To = p.To, p.From
			s.phone.Network().Inject(p, 0)
		}
		m.unmoved("reflection")
	})
}

func TestStrangersGetNoAnswer(t *testing.T) {
	story(t, wifi, func(s *session) {
		m := newMallory(s)
		s.echo("hello", time.Minute)
		seen := m.Seen()
		for _, p := range seen {
			if wire.IsTransport(p.Data) {
				m.Send(p.Data) // QUIC would answer some of these
			}
		}
		m.Send(append([]byte{0xc0, 0x1a, 0x2a, 0x3a, 0x4a}, make([]byte, 1200)...)) // version negotiation
		m.unmoved("knocking without a key")
	})
}

func TestOldAddressIsIgnoredAfterRoam(t *testing.T) {
	story(t, wifi, func(s *session) {
		m := newMallory(s)
		s.echo("x", time.Minute)
		old := netip.AddrPortFrom(s.phone.Addr(0).Addr(), s.client.State().Local.Port())
		s.phone.Move("10.4.4.4")
		s.echo("x", time.Minute)
		time.Sleep(admit.Grace + time.Second)
		before := s.server.State().Received
		seen := m.Seen()
		for _, p := range seen {
			p.From = old
			s.phone.Network().Inject(p, 0)
		}
		time.Sleep(10 * time.Millisecond)
		if after := s.server.State().Received; after != before {
			t.Errorf("%d bytes were taken from the address that was left", after-before)
		}
		m.unmoved("roam")
	})
}

func TestOvertakingCopyOfKnocksStallsNothing(t *testing.T) {
	story(t, wifi, func(s *session) {
		m := newMallory(s)
		time.Sleep(5 * time.Second)
		m.Overtake() // from now on the server hears mallory first, always
		for range 20 {
			within(t, "key under attack", s.echo("x", time.Minute), rtt+time.Millisecond)
			time.Sleep(100 * time.Millisecond)
		}
		n, bytes := m.Takings()
		t.Logf("mallory got %d packets, %d bytes", n, bytes)
		if bytes > admit.TrialBytes+4*admit.TrialRefill+100*wire.KnockSize {
			t.Errorf("mallory got %d packets, %d bytes", n, bytes)
		}
		s.phone.Move("10.4.4.4")
		within(t, "roam under attack", s.echo("x", time.Minute), rtt+5*time.Millisecond)
		time.Sleep(time.Second)
		within(t, "key after roam under attack", s.echo("x", time.Minute), rtt+time.Millisecond)
		m.Takings()
		took := s.transfer(1<<20, nil)
		if n, bytes := m.Takings(); bytes > 64<<10 || took > 20*time.Second {
			t.Errorf("in a transfer of %s mallory got %d packets, %d bytes", took, n, bytes)
		}
	})
}

func TestFloodOfGarbage(t *testing.T) {
	story(t, wifi, func(s *session) {
		m := newMallory(s)
		s.echo("hello", time.Minute)
		seen := m.Seen()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		random := rand.New(rand.NewPCG(1, 1))
		for i := range 100_000 {
			var b []byte
			if i%2 == 0 {
				b = make([]byte, random.IntN(1500))
				for j := range b {
					b[j] = byte(random.Uint32())
				}
			} else if b = slices.Clone(seen[random.IntN(len(seen))].Data); len(b) > 0 {
				b[random.IntN(len(b))] ^= byte(1 + random.IntN(255))
			}
			m.Send(b)
			if i%100 == 0 {
				time.Sleep(time.Millisecond)
			}
			if i%10_000 == 0 {
				within(t, "echo in the flood", s.echo("x", time.Minute), rtt+50*time.Millisecond)
			}
		}
		time.Sleep(time.Second)
		runtime.GC()
		runtime.ReadMemStats(&after)
		t.Logf("100000 datagrams, heap %+d KiB", (int64(after.HeapAlloc)-int64(before.HeapAlloc))/1024)
		if after.HeapAlloc > before.HeapAlloc+4<<20 {
			t.Errorf("the heap grew from %d to %d", before.HeapAlloc, after.HeapAlloc)
		}
		m.unmoved("a flood")
	})
}

// Strangers by the thousand on the way that carries the session, or beside it.
func TestHostileStreamsAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: the race detector itself falls over it")
	}
	for mode, port := range map[wire.Mode]int{wire.OnlyUDP: 61001, wire.OnlyTCP: 61001, wire.OnlySSH: 22} {
		t.Run(string(mode), func(t *testing.T) {
			story(t, wifi, func(s *session) { s.besieged(port) }, only(mode), overSSH)
		})
	}
}

// besieged lets strangers connect to a port, say too little or nonsense, and
// stay.
func (s *session) besieged(port int) {
	t := s.t
	t.Helper()
	m := newMallory(s)
	goroutines := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	slow := func(c net.Conn) { // a byte now and then of what might become a knock
		for i := 0; ctx.Err() == nil; i++ {
			if _, err := c.Write([]byte{byte(i * wire.KnockSize)}); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}
	for i := range 2000 {
		c, err := m.Host.DialTCP(s.ctx, s.far.Addr(port))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		switch i % 5 {
		case 0: // says nothing
		case 1:
			c.Write([]byte{0}) // half a length
		case 2:
			c.Write([]byte{0, wire.KnockSize, 1, 2, 3}) // half a frame
		case 3:
			c.Write([]byte("\xff\xffGET / HTTP/1.1\r\n\r\n"))
		case 4:
			go slow(c)
		}
		c.SetReadDeadline(time.Now().Add(time.Millisecond))
		if port == 22 {
			io.ReadFull(c, make([]byte, len(welcome))) // of the login, which is not ours to hide
		}
		if n, _ := c.Read(make([]byte, 1)); n > 0 {
			t.Error("a stranger was answered")
		}
		if i%500 == 499 {
			within(t, "echo meanwhile", s.echo("x", time.Minute), rtt+time.Millisecond)
		}
		if i == 1000 {
			s.phone.Move("10.4.4.4")
			within(t, "roam meanwhile", s.echo("x", time.Minute), 2*time.Second)
		}
	}
	if n := s.waiting(); n == 0 || n > maxStrangers+maxRelayed {
		t.Errorf("%d streams at once", n)
	}
	cancel() // the slow ones among mallory's goroutines
	time.Sleep(time.Second)
	if n := runtime.NumGoroutine() - goroutines; n > 2*maxStrangers {
		t.Errorf("%d goroutines serve strangers", n)
	}
	s.transfer(1<<20, nil)
	time.Sleep(2 * knockTimeout)
	most := 2 // one that the move left, of which the server can't know
	if s.client.State().Kind == "UDP" {
		most = 0
	}
	s.server.mu.Lock()
	if n := len(s.server.streams); n > most {
		t.Errorf("%d streams are left", n)
	}
	s.server.mu.Unlock()
	if n := s.waiting(); n > 0 {
		t.Errorf("%d streams wait for ever", n)
	}
	within(t, "echo after", s.echo("x", time.Minute), rtt+time.Millisecond)
}

// waiting is how many streams the server keeps that did not knock.
func (s *session) waiting() (n int) {
	for _, c := range []*crowd{&s.server.strangers, &s.server.relayed} {
		c.mu.Lock()
		n += len(c.waiters)
		c.mu.Unlock()
	}
	return n
}

// siege is strangers who connect at some rate, from one host or from many, and do
// something with each connection. The next attack is a line more.
type siege struct {
	name  string
	rate  int                // connections a second
	hosts int                // that they come from
	addr  func(i int) string // of host i
	does  func(c net.Conn)   // with each
}

func sieges() []siege {
	silent := func(net.Conn) {}
	says := func(b ...byte) func(net.Conn) { return func(c net.Conn) { c.Write(b) } }
	slow := func(c net.Conn) { // a byte now and then of what might become a knock
		for _, b := range append([]byte{0, wire.KnockSize, 1}, make([]byte, wire.KnockSize-1)...) {
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}
	scattered := func(i int) string { return fmt.Sprintf("%d.%d.7.1", 11+i/200, i%200) }
	neighbors := func(i int) string { return fmt.Sprintf("2001:db8:bad:%x::1", i) }
	whole := append([]byte{0, wire.KnockSize, 1}, make([]byte, wire.KnockSize-1)...)
	rate := 1000
	if testing.Short() { // the race detector takes minutes and gigabytes for a thousand; these fill the port, too
		rate = 300
	}
	return []siege{
		{"silence", rate, 1, neighbors, silent},
		{"silence from 500 networks of one customer", rate, 500, neighbors, silent},
		{"silence from 500 networks", rate, 500, scattered, silent},
		{"slow senders", rate, 1, neighbors, slow},
		{"slow senders from 500 networks", rate, 500, scattered, slow},
		{"half a length", rate, 500, scattered, says(0)},
		{"half a knock", rate, 500, scattered, says(whole[:30]...)},
		{"a knock that does not open", rate, 500, scattered, says(whole...)},
		{"HTTP", rate, 500, scattered, says([]byte("GET / HTTP/1.1\r\n\r\n")...)},
	}
}

// A client whose network carries TCP alone, or ssh alone, opens its session, goes
// on with it and moves, whatever strangers do on that port meanwhile.
func TestStrangersLockNobodyOut(t *testing.T) {
	far := simnet.Link{Delay: 75 * time.Millisecond} // each side, so 300 ms there and back
	for i, a := range sieges() {
		for _, mode := range []wire.Mode{wire.OnlyTCP, wire.OnlySSH} {
			if mode == wire.OnlySSH && i > 2 {
				continue // they are not where its streams come in
			}
			t.Run(a.name+"/"+string(mode), func(t *testing.T) {
				simnet.Bubble(t, func(t *testing.T) {
					phone, home := simnet.Pair(t, far)
					home.SetLink(far)
					s := &session{t: t, phone: phone, far: home, got: make(chan []byte, 1024)}
					ctx, cancel := context.WithCancel(t.Context())
					var strangers sync.WaitGroup
					strangers.Go(func() { a.run(ctx, home) })
					time.Sleep(2 * time.Second) // the port is full before the client comes
					s.open(only(mode), overSSH, func(_ *session, _ *ClientConfig, sc *ServerConfig) { sc.Ports = []int{61001} })
					for range 4 {
						within(t, "echo", s.echo("x", time.Minute), 310*time.Millisecond)
						time.Sleep(500 * time.Millisecond)
					}
					s.phone.Move("10.4.4.4")
					within(t, "roam", s.echo("x", time.Minute), 3*time.Second)
					within(t, "echo after", s.echo("x", time.Minute), 310*time.Millisecond)
					if n := s.waiting(); n > maxStrangers+maxRelayed {
						t.Errorf("%d strangers at once", n)
					}
					cancel()
					strangers.Wait()
					s.close()
				})
			})
		}
	}
}

// run lasts until ctx ends.
func (a siege) run(ctx context.Context, target *simnet.Host) {
	var hosts []*simnet.Host
	for i := range a.hosts {
		hosts = append(hosts, target.Network().Host(a.addr(i)))
	}
	tick := time.NewTicker(time.Second / time.Duration(a.rate))
	defer tick.Stop()
	var open sync.WaitGroup
	defer open.Wait()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		from := hosts[i%len(hosts)]
		open.Go(func() {
			to := target.Addr(61001)
			if netip.MustParseAddr(a.addr(0)).Is6() {
				to = netip.AddrPortFrom(netip.MustParseAddr("2001:db8::1"), 61001)
			}
			c, err := from.DialTCP(ctx, to)
			if err != nil {
				return
			}
			defer c.Close()
			stop := context.AfterFunc(ctx, func() { c.Close() })
			defer stop()
			a.does(c)
			io.Copy(io.Discard, c) // until the server ends it
		})
	}
}
