package mux

import (
	"testing"
	"time"
)

// A peer opens no more streams by KCP than QUIC would allow it, and those that
// there are go on.
func TestStreamsByKCPAreLimited(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client, server := connect(t, "kcp", &link{delay: time.Millisecond})
		first := open(t, client)
		first.Write([]byte("first"))
		their := accept(t, server)
		session := client.(*conn).carrier.(*kcpConn).session
		for range maxStreams + 500 {
			if _, err := session.OpenStream(); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if n := server.(*conn).carrier.(*kcpConn).session.NumStreams(); n > maxStreams {
			t.Errorf("%d streams", n)
		}
		b := make([]byte, 9)
		if n, err := their.Read(b); string(b[:n]) != "first" || err != nil {
			t.Errorf("%q, %v", b[:n], err)
		}
	})
}
