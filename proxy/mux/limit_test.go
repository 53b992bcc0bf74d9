package mux

import (
	"runtime"
	"testing"
	"time"

	"tssh/proxy/simnet"
	"tssh/proxy/wire"
)

// What a peer sends byte by byte, and nobody can read, is kept by the transport in
// pieces. Windows count bytes, so what a piece costs is what they bound: SECURITY.md
// says how much that is.
func TestCostOfPiecesThatNobodyReads(t *testing.T) {
	const bound int64 = 3 << 30
	story(t, func(t *testing.T, transport wire.Transport) {
		client, server := connect(t, transport, &link{delay: time.Millisecond})
		var streams []Stream
		for range 500 {
			streams = append(streams, open(t, client))
		}
		time.Sleep(time.Second)
		heap := func() int64 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		round := func() {
			for _, s := range streams { // each a frame of its own in the packets of a round
				s.Write([]byte{1})
			}
			time.Sleep(20 * time.Millisecond)
		}
		for range 30 { // what a stream costs by itself
			round()
		}
		const rounds = 120
		before := heap()
		for range rounds {
			round()
		}
		time.Sleep(time.Second)
		cost := (heap() - before) / int64(rounds*len(streams))
		runtime.KeepAlive(server)
		if cost*maxConnWindow > bound {
			t.Errorf("a byte costs %d, a window %d MiB", cost, cost*maxConnWindow>>20)
		}
		t.Logf("a byte costs %d, the first window %d MiB, the largest %d MiB", cost, cost*connWindow>>20, cost*maxConnWindow>>20)
	})
}

// A peer opens no more streams by KCP than QUIC would allow it, and those that
// there are go on.
func TestStreamsByKCPAreLimited(t *testing.T) {
	simnet.Bubble(t, func(t *testing.T) {
		client, server := connect(t, "kcp", &link{delay: time.Millisecond})
		first := open(t, client)
		first.Write([]byte("first"))
		their := accept(t, server)
		session := client.(*conn).multiplexer.(*kcpConn).mux
		for range maxStreams + 500 {
			if _, err := session.OpenStream(); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if n := server.(*conn).multiplexer.(*kcpConn).mux.NumStreams(); n > maxStreams {
			t.Errorf("%d streams", n)
		}
		b := make([]byte, 9)
		if n, err := their.Read(b); string(b[:n]) != "first" || err != nil {
			t.Errorf("%q, %v", b[:n], err)
		}
	})
}
