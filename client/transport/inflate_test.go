package transport

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"math/rand/v2"
	"testing"
)

// text is of the kind that compresses: words that come again.
func text(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	words := []string{"ls -l ", "drwxr-xr-x ", "root ", "/usr/share/", "\n", "0123456789"}
	var b []byte
	for len(b) < n {
		b = append(b, words[r.IntN(len(words))]...)
		if r.IntN(9) == 0 {
			b = append(b, byte(r.Uint32()))
		}
	}
	return b[:n]
}

func TestInflateInPackets(t *testing.T) {
	want := text(300000)
	for _, level := range []int{flate.NoCompression, 1, 6, 9, flate.HuffmanOnly} {
		var buf bytes.Buffer
		w, err := zlib.NewWriterLevel(&buf, level)
		if err != nil {
			t.Fatal(err)
		}
		z := &inflater{}
		var got []byte
		for i := 0; i < len(want); i += 7000 {
			buf.Reset()
			w.Write(want[i:min(i+7000, len(want))])
			w.Flush()
			out, err := z.packet(buf.Bytes())
			if err != nil {
				t.Fatalf("level %d: %v", level, err)
			}
			got = append(got, out...)
			if len(got) != min(i+7000, len(want)) {
				t.Fatalf("level %d: %d bytes after %d went in", level, len(got), i+7000)
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("level %d: other bytes", level)
		}
	}
}

// TestInflateAnywhereCut gives the stream byte by byte: a partial flush may
// end at any bit.
func TestInflateAnywhereCut(t *testing.T) {
	want := text(5000)
	var buf bytes.Buffer
	w := zlib.NewWriter(&buf)
	w.Write(want)
	w.Flush()
	z := &inflater{}
	var got []byte
	for _, b := range buf.Bytes() {
		out, err := z.packet([]byte{b})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, out...)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got %d bytes of %d", len(got), len(want))
	}
}

func TestBombIsRefused(t *testing.T) {
	var buf bytes.Buffer
	w := zlib.NewWriter(&buf)
	w.Write(make([]byte, 8<<20))
	w.Flush()
	if out, err := (&inflater{}).packet(buf.Bytes()); err == nil {
		t.Errorf("%d bytes of a small packet", len(out))
	}
}

func FuzzInflate(f *testing.F) {
	var buf bytes.Buffer
	w := zlib.NewWriter(&buf)
	w.Write(text(2000))
	w.Flush()
	f.Add(buf.Bytes())
	f.Add([]byte{0x78, 0x9c, 0x05})
	f.Fuzz(func(t *testing.T, b []byte) {
		z := &inflater{}
		half := len(b) / 2
		if _, err := z.packet(b[:half]); err == nil {
			z.packet(b[half:])
		}
	})
}
