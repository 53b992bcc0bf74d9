package x11

import (
	"bytes"
	"testing"
)

func first(order byte, name string, data []byte) []byte {
	b := []byte{order, 0, 0, 11, 0, 0, 0, byte(len(name)), 0, byte(len(data)), 0, 0}
	if order == 'l' {
		b = []byte{order, 0, 11, 0, 0, 0, byte(len(name)), 0, byte(len(data)), 0, 0, 0}
	}
	b = append(b, name...)
	b = append(b, make([]byte, padded(len(name))-len(name))...)
	b = append(b, data...)
	return append(b, make([]byte, padded(len(data))-len(data))...)
}

func TestCookieIsSwapped(t *testing.T) {
	fake, real := []byte("0123456789abcdef"), []byte("the display's own")[:16]
	for _, order := range []byte{'B', 'l'} {
		got, err := swap(bytes.NewReader(append(first(order, protocol, fake), "more"...)), fake, real)
		if err != nil || !bytes.Equal(got, first(order, protocol, real)) {
			t.Errorf("%c: %q, %v", order, got, err)
		}
	}
}

func TestOnlyTheServersCookieOpens(t *testing.T) {
	fake, real := []byte("0123456789abcdef"), make([]byte, 16)
	for name, b := range map[string][]byte{
		"the true one":     first('l', protocol, real),
		"none":             first('l', "", nil),
		"another protocol": first('l', "XDM-AUTHORIZATION", fake),
		"a longer one":     first('l', protocol, append(fake, 0)),
		"a shorter one":    first('l', protocol, fake[:15]),
		"cut off":          first('l', protocol, fake)[:20],
		"not X":            []byte("GET / HTTP/1.0\r\n\r\n"),
	} {
		if got, err := swap(bytes.NewReader(b), fake, real); err == nil {
			t.Errorf("%s: let in with %q", name, got)
		}
	}
}

func FuzzSwap(f *testing.F) {
	fake := []byte("0123456789abcdef")
	f.Add(first('B', protocol, fake))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := swap(bytes.NewReader(b), fake, fake)
		if err == nil && !bytes.HasPrefix(b, got) {
			t.Errorf("%q became %q", b, got)
		}
	})
}

func TestScreenOf(t *testing.T) {
	for display, want := range map[string]uint32{":0": 0, ":0.1": 1, "localhost:10.2": 2, "/tmp/launch/org.xquartz:0": 0} {
		if got, err := screenOf(display); got != want || err != nil {
			t.Errorf("%s: %d, %v", display, got, err)
		}
	}
	for _, display := range []string{"", "nonsense", ":0.x", "a;b:0", "a b:0", "$(id):0", "a\nsource /etc/passwd\n:0", "a'b:0", ":0.0\n"} {
		if got, err := screenOf(display); err == nil {
			t.Errorf("%q: %d", display, got)
		}
	}
}
