package wire

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

var testSecret = [32]byte{1, 2, 3}

func aKnock() Knock {
	return Knock{Generation: 7, Path: TCP, Claim: true, Loss: 9, RTT: 31415 * time.Microsecond, Answer: 1 << 60}
}

func TestKnockAndAckArrive(t *testing.T) {
	c, s := NewClient(testSecret), NewServer(testSecret)
	for want := uint64(1); want <= 3; want++ {
		k := aKnock()
		b := c.Seal(&k)
		got, err := s.Open(b)
		if err != nil || got != k || k.Sequence != want {
			t.Fatalf("knock %d: got %+v, %v; sent %+v", want, got, err, k)
		}
		a := Ack{Knock: k.Sequence, Challenge: 42, Fresh: true}
		answer := s.Seal(&a)
		if got, err := c.Open(answer); err != nil || got != a || a.Sequence != want {
			t.Fatalf("ack %d: got %+v, %v; sent %+v", want, got, err, a)
		}
		if len(answer) > len(b) || len(b) != KnockSize || IsTransport(b) || IsTransport(answer) {
			t.Fatalf("knock of %d bytes, ack of %d", len(b), len(answer))
		}
	}
}

func TestAnyChangedBitIsRefused(t *testing.T) {
	c, s := NewClient(testSecret), NewServer(testSecret)
	k := aKnock()
	b := c.Seal(&k)
	for bit := range 8 * len(b) {
		forged := slices.Clone(b)
		forged[bit/8] ^= 1 << (bit % 8)
		if k, err := s.Open(forged); err == nil {
			t.Errorf("bit %d flipped: %+v", bit, k)
		}
	}
	for n := range len(b) {
		if _, err := s.Open(b[:n]); err == nil {
			t.Errorf("cut to %d bytes: opened", n)
		}
	}
	if _, err := s.Open(append(slices.Clone(b), 0)); err == nil {
		t.Error("lengthened: opened")
	}
}

func TestReflectedPacketsAreRefused(t *testing.T) {
	c, s := NewClient(testSecret), NewServer(testSecret)
	k, a := aKnock(), Ack{Knock: 1}
	knock, ack := c.Seal(&k), s.Seal(&a)
	for _, first := range []byte{typeKnock, typeAck} { // even when made to look the part
		knock[0], ack[0] = first, first
		if _, err := c.Open(knock); err == nil {
			t.Errorf("the client takes its own knock as %d", first)
		}
		if _, err := s.Open(ack); err == nil {
			t.Errorf("the server takes its own ack as %d", first)
		}
	}
}

func TestAnotherSecretOpensNothing(t *testing.T) {
	k := aKnock()
	b := NewClient([32]byte{9}).Seal(&k)
	if _, err := NewServer(testSecret).Open(b); err == nil {
		t.Error("opened with another secret")
	}
}

func TestFramesKeepTheirBounds(t *testing.T) {
	var stream []byte
	sent := [][]byte{{1}, bytes.Repeat([]byte{2}, MaxDatagram), []byte("three")}
	for _, d := range sent {
		stream, _ = AppendFrame(stream, d)
	}
	r, buf := bytes.NewReader(stream), make([]byte, MaxDatagram)
	for i, want := range sent {
		if got, err := ReadFrame(r, buf); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("frame %d: %d bytes, %v", i, len(got), err)
		}
	}
	if _, err := ReadFrame(r, buf); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	for _, bad := range []string{"\x00\x00", "\xff\xffxx", "\x00\x05half"} {
		if _, err := ReadFrame(strings.NewReader(bad), buf); err == nil || err == io.EOF {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := AppendFrame(nil, make([]byte, MaxDatagram+1)); err == nil {
		t.Error("a frame too large was made")
	}
}

func TestPrefaceFoundBehindNoise(t *testing.T) {
	p := Preface(testSecret)
	for _, noise := range []string{"", "Welcome!\n", string(p[:15]), string(p[:1]), strings.Repeat("x", 1000)} {
		r := bufio.NewReader(strings.NewReader(noise + string(p[:]) + "rest"))
		if err := SkipPreface(r, p); err != nil {
			t.Errorf("after %q: %v", noise, err)
		} else if rest, _ := io.ReadAll(r); string(rest) != "rest" {
			t.Errorf("after %q: left %q", noise, rest)
		}
	}
	if err := SkipPreface(bufio.NewReader(neverEnding('x')), p); err == nil {
		t.Error("noise without end was read without end")
	}
}

type neverEnding byte

func (n neverEnding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(n)
	}
	return len(p), nil
}

func FuzzOpen(f *testing.F) {
	c, s := NewClient(testSecret), NewServer(testSecret)
	k, a := aKnock(), Ack{Knock: 1}
	knock, ack := c.Seal(&k), s.Seal(&a)
	f.Add(knock)
	f.Add(ack)
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := s.Open(b); err == nil && !bytes.Equal(b, knock) {
			t.Errorf("forged knock %x", b)
		}
		if _, err := c.Open(b); err == nil && !bytes.Equal(b, ack) {
			t.Errorf("forged ack %x", b)
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("\x00\x01x\x00\x02yy"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r, buf := bytes.NewReader(stream), make([]byte, MaxDatagram)
		var again []byte
		for {
			d, err := ReadFrame(r, buf)
			if err != nil {
				break
			}
			again, _ = AppendFrame(again, d)
		}
		if !bytes.HasPrefix(stream, again) {
			t.Errorf("%x was read as %x", stream, again)
		}
	})
}

func FuzzSkipPreface(f *testing.F) {
	p := Preface(testSecret)
	f.Add(append([]byte("noise"), p[:]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		err := SkipPreface(bufio.NewReader(bytes.NewReader(b)), p)
		if (err == nil) != bytes.Contains(b, p[:]) {
			t.Errorf("%x: %v", b, err)
		}
	})
}
