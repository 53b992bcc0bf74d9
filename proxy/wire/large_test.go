package wire

import (
	"bytes"
	"testing"
)

func TestHalvesMakeTheDatagram(t *testing.T) {
	c, s := NewClientLarge(testSecret), NewServerLarge(testSecret)
	for _, n := range []int{1233, 1240, 1451, 1452} {
		d := make([]byte, n)
		for i := range d {
			d[i] = byte(i) | FixedBit
		}
		b, size := c.AppendHalves([]byte("before"), 1<<46, d)
		b = b[len("before"):]
		if len(b) != 2*size || size > Sure || IsTransport(b) || IsRepair(b) || !IsLarge(b) {
			t.Fatalf("%d bytes became %d of %d each", n, len(b), size)
		}
		first, ok1 := s.OpenHalf(b[:size])
		second, ok2 := s.OpenHalf(b[size:])
		if !ok1 || !ok2 || first.Pair != 1<<46 || second.Pair != 1<<46 || first.Second || !second.Second || first.Overlap != (n%2 == 1) {
			t.Fatalf("%d bytes: %+v, %+v", n, first, second)
		}
		rest := second.Data
		if second.Overlap {
			rest = rest[1:]
		}
		if !bytes.Equal(append(bytes.Clone(first.Data), rest...), d) {
			t.Errorf("%d bytes came out as others", n)
		}
		if _, ok := c.OpenHalf(b[:size]); ok {
			t.Error("an end opens what it sealed")
		}
	}
}

func TestProbeAndItsAnswer(t *testing.T) {
	c, s := NewClientLarge(testSecret), NewServerLarge(testSecret)
	b := c.Probe(7, 1400)
	if n, ok := s.OpenProbe(b); len(b) != 1400 || n != 7 || !ok || !IsLarge(b) {
		t.Errorf("%d bytes, number %d, %v", len(b), n, ok)
	}
	if _, ok := s.OpenProbe(c.Probe(8, Sure)); ok {
		t.Error("a probe that proves nothing was taken")
	}
	a := s.Passed(7)
	if n, ok := c.OpenPassed(a); n != 7 || !ok {
		t.Errorf("number %d, %v", n, ok)
	}
	if _, ok := s.OpenPassed(a); ok {
		t.Error("an end opens what it sealed")
	}
}

// FuzzLarge: nobody but the other end makes a packet that opens, and none of it panics.
func FuzzLarge(f *testing.F) {
	c, s := NewClientLarge(testSecret), NewServerLarge(testSecret)
	halves, size := c.AppendHalves(nil, 3, make([]byte, 1301))
	genuine := [][]byte{halves[:size], halves[size:], c.Probe(4, 1300), c.Passed(5)}
	for _, b := range genuine {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, half := s.OpenHalf(b)
		_, probe := s.OpenProbe(b)
		_, passed := s.OpenPassed(b)
		for _, g := range genuine {
			if bytes.Equal(b, g) {
				return
			}
		}
		if half || probe || passed {
			t.Fatalf("%x opens", b)
		}
	})
}
