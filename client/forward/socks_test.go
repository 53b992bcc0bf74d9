package forward

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// duplex reads what is given and keeps what is written.
type duplex struct {
	io.Reader
	bytes.Buffer
}

func (d *duplex) Read(p []byte) (int, error) { return d.Reader.Read(p) }

func TestSOCKS(t *testing.T) {
	for name, c := range map[string]struct {
		in, host string
		port     int
		out      string
	}{
		"4":       {"\x04\x01\x00\x50\x7f\x00\x00\x01me\x00", "127.0.0.1", 80, "\x00\x5a\x00\x00\x00\x00\x00\x00"},
		"4a":      {"\x04\x01\x00\x50\x00\x00\x00\x01\x00h.example\x00", "h.example", 80, "\x00\x5a\x00\x00\x00\x00\x00\x00"},
		"5":       {"\x05\x02\x02\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50", "127.0.0.1", 80, "\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"},
		"5 name":  {"\x05\x01\x00\x05\x01\x00\x03\x01h\x01\x00", "h", 256, "\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"},
		"5 six":   {"\x05\x01\x00\x05\x01\x00\x04" + strings.Repeat("\x00", 15) + "\x01\x00\x16", "::1", 22, "\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"},
		"bind":    {"\x04\x02\x00\x50\x7f\x00\x00\x01\x00", "", 0, ""},
		"auth":    {"\x05\x01\x02", "", 0, "\x05\xff"},
		"http":    {"GET / HTTP/1.0\r\n", "", 0, ""},
		"endless": {"\x04\x01\x00\x50\x7f\x00\x00\x01" + strings.Repeat("x", 5000), "", 0, ""},
		"cut":     {"\x05\x01\x00\x05\x01", "", 0, "\x05\x00"},
	} {
		in := strings.NewReader(c.in + "rest")
		if name == "cut" {
			in = strings.NewReader(c.in)
		}
		d := &duplex{Reader: in}
		host, port, answer, err := negotiate(d)
		if err == nil {
			answer(granted)
		}
		if host != c.host || port != c.port || d.String() != c.out || (err == nil) != (c.host != "") {
			t.Errorf("%s: %q %d %v, wrote %q", name, host, port, err, d.String())
		}
		if rest, _ := io.ReadAll(in); err == nil && string(rest) != "rest" {
			t.Errorf("%s: %q is left", name, rest)
		}
	}
}

func FuzzSOCKS(f *testing.F) {
	f.Add([]byte("\x05\x01\x00\x05\x01\x00\x03\x01h\x01\x00"))
	f.Add([]byte("\x04\x01\x00\x50\x00\x00\x00\x01\x00h.example\x00"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if host, _, _, err := negotiate(&duplex{Reader: bytes.NewReader(p)}); err == nil && host == "" {
			t.Error("no host and no error")
		}
	})
}
