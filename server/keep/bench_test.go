package keep

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// writes gives n times text.
type writes struct {
	text string
	n    int
}

func (w *writes) Read(p []byte) (int, error) {
	if w.n--; w.n < 0 {
		return 0, io.EOF
	}
	return copy(p, w.text), nil
}

// BenchmarkTerminal is what a terminal's output costs on its way, as the kernel
// gives it, beyond the copy.
func BenchmarkTerminal(b *testing.B) {
	text := strings.Repeat("some file names of ordinary length.txt and more of them\r\n", 72)[:4095]
	for _, c := range []Config{{}, {Limit: 4 << 20, Lasting: true}} {
		b.Run(fmt.Sprintf("kept=%v", c.Lasting), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			t := NewTerminal(&writes{text, b.N}, 80, 24, c)
			j := t.Join(io.Discard, nil, true)
			t.Run()
			<-j.Done()
		})
	}
}
