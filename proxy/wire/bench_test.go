package wire

import (
	"bufio"
	"bytes"
	"testing"
)

// BenchmarkKnock is what a knock and its answer cost both ends.
func BenchmarkKnock(b *testing.B) {
	client, server := NewClient([32]byte{1}), NewServer([32]byte{1})
	b.SetBytes(2 * KnockSize)
	b.ReportAllocs()
	for b.Loop() {
		k, err := server.Open(client.Seal(&Knock{Path: UDP, Claim: true}))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := client.Open(server.Seal(&Ack{Knock: k.Sequence})); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFrame takes a datagram through a stream.
func BenchmarkFrame(b *testing.B) {
	datagram, buf := make([]byte, 1200), make([]byte, MaxDatagram)
	var frame []byte
	stream := bytes.NewReader(nil)
	r := bufio.NewReader(stream)
	b.SetBytes(int64(len(datagram)))
	b.ReportAllocs()
	for b.Loop() {
		frame, _ = AppendFrame(frame[:0], datagram)
		stream.Reset(frame)
		r.Reset(stream)
		if d, err := ReadFrame(r, buf); err != nil || len(d) != len(datagram) {
			b.Fatal(len(d), err)
		}
	}
}

// BenchmarkNumbered seals and opens a datagram whose loss is repaired.
func BenchmarkNumbered(b *testing.B) {
	client, server := NewClientRepair([32]byte{1}), NewServerRepair([32]byte{1})
	datagram := make([]byte, 1200)
	var packet []byte
	var n uint64
	b.SetBytes(int64(len(datagram)))
	b.ReportAllocs()
	for b.Loop() {
		n++
		packet = client.AppendNumbered(packet[:0], n, n, datagram)
		if _, _, _, ok := server.OpenNumbered(packet); !ok {
			b.Fatal("it does not open")
		}
	}
}
