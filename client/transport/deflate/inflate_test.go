package deflate

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
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
		z := &Inflater{}
		var got []byte
		for i := 0; i < len(want); i += 7000 {
			buf.Reset()
			w.Write(want[i:min(i+7000, len(want))])
			w.Flush()
			out, err := z.Packet(buf.Bytes())
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
	z := &Inflater{}
	var got []byte
	for _, b := range buf.Bytes() {
		out, err := z.Packet([]byte{b})
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
	if out, err := (&Inflater{}).Packet(buf.Bytes()); err == nil {
		t.Errorf("%d bytes of a small packet", len(out))
	}
}

// bitWriter writes what a hostile compressor would.
type bitWriter struct {
	b  []byte
	at uint
}

func (w *bitWriter) put(v uint32, n uint) {
	for i := range n {
		if w.at%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.at/8] |= byte(v>>i&1) << (w.at % 8)
		w.at++
	}
}

// longest writes an empty block whose codes have 15 bits at most: the smallest
// one for the largest of tables.
func (w *bitWriter) longest() {
	w.put(2<<1, 3) // dynamic, not the last
	w.put(0, 5)    // 257 literals
	w.put(15-1, 5) // 15 distances
	w.put(19-4, 4) // all lengths of lengths
	for i := range 19 {
		// In their odd order: 18 has one bit (0), 1 and 15 two and three, 2 to 14 as
		// many as fit: only 18, 15, 1 and 16 are used.
		switch i {
		case 2: // 18
			w.put(1, 3)
		case 0: // 16
			w.put(2, 3)
		case 17, 18: // 1, 15
			w.put(3, 3)
		default:
			w.put(0, 3)
		}
	}
	// Codes, reversed as they are read: 18: 0; 16: 10; 1: 110; 15: 111.
	zeros := func(n uint32) { w.put(0, 1); w.put(n-11, 7) }
	one, fifteen := func() { w.put(3, 3) }, func() { w.put(7, 3) }
	fifteen() // the first literal
	zeros(138)
	zeros(117)
	one()     // the end of the block
	fifteen() // a distance
	zeros(13)
	one()
	w.put(0, 1) // the end of the block, whose code is 0
}

// TestBlocksWithoutContent: a packet of nothing but blocks cost 1.2 s and 1.1 GiB.
func TestBlocksWithoutContent(t *testing.T) {
	for name, block := range map[string]func(*bitWriter){
		"fixed":   func(w *bitWriter) { w.put(1<<1, 3); w.put(0, 7) },
		"dynamic": (*bitWriter).longest,
		"stored": func(w *bitWriter) {
			w.put(0, 3)
			w.put(0, (8-w.at%8)%8)
			w.put(0xffff0000, 32)
		},
	} {
		w := &bitWriter{b: []byte{0x78, 0x9c}, at: 16}
		blocks := 0
		for ; len(w.b) < maxPacket-100; blocks++ {
			block(w)
		}
		w.put(0, 3) // a stored block of one byte, so that there is something
		w.put(0, (8-w.at%8)%8)
		w.put(0xfffe0001, 32)
		w.put('x', 8)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		out, err := new(Inflater).Packet(w.b)
		took := time.Since(begin)
		runtime.ReadMemStats(&after)
		if string(out) != "x" || err != nil {
			t.Errorf("%s: %q, %v", name, out, err)
		}
		garbage := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d blocks, %d KiB, %v", name, blocks, garbage>>10, took)
		if garbage > 4*maxPacket {
			t.Errorf("%s: %d KiB of garbage for a packet of %d", name, garbage>>10, len(w.b)>>10)
		}
	}
}

// TestInflateAsFlateDoes: codes of all lengths, and streams that are damaged.
func TestInflateAsFlateDoes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		plain := make([]byte, 1+r.IntN(3000))
		for i := range plain { // few are common and many are rare: long codes
			plain[i] = byte(r.ExpFloat64() * 12)
		}
		var buf bytes.Buffer
		w, _ := zlib.NewWriterLevel(&buf, []int{flate.HuffmanOnly, 1, 6, 9}[r.IntN(4)])
		w.Write(plain)
		w.Flush()
		b := buf.Bytes()
		for range r.IntN(3) {
			b[2+r.IntN(len(b)-2)] ^= 1 << r.IntN(8)
		}
		want, ferr := io.ReadAll(flate.NewReader(bytes.NewReader(b[2:])))
		_, corrupt := ferr.(flate.CorruptInputError)
		got, err := new(Inflater).Packet(b)
		if err == nil && !corrupt && !bytes.Equal(got, want) {
			t.Fatalf("%d bytes, not %d, of %x", len(got), len(want), b)
		}
		if err != nil && ferr == io.ErrUnexpectedEOF {
			t.Fatalf("%v, but flate takes %x", err, b)
		}
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
		z := &Inflater{}
		half := len(b) / 2
		if _, err := z.Packet(b[:half]); err == nil {
			z.Packet(b[half:])
		}
	})
}
