package channel

import (
	"io"
	"testing"
)

// BenchmarkChannel is what the machine costs, between two ends that are joined. A key
// is one that goes there and back.
func BenchmarkChannel(b *testing.B) {
	for _, c := range []struct {
		name  string
		piece int
		echo  bool
	}{{"bulk", 64 << 10, false}, {"lines", 80, false}, {"key", 1, true}} {
		b.Run(c.name, func(b *testing.B) {
			budget := &Budget{Most: 256 << 20}
			near, far := pair(Config{Window: 2 << 20, Budget: budget}, Config{Window: 2 << 20, Budget: budget})
			go func() {
				if c.echo {
					io.Copy(far, far)
				}
				for buf, err := make([]byte, c.piece), error(nil); err == nil; {
					_, err = far.Write(buf)
				}
			}()
			buf := make([]byte, c.piece)
			b.SetBytes(int64(c.piece))
			b.ReportAllocs()
			for b.Loop() {
				if c.echo {
					near.Write(buf)
				}
				if _, err := io.ReadFull(near, buf); err != nil {
					b.Fatal(err)
				}
			}
			near.Close()
			<-far.Done()
			<-near.Done()
		})
	}
}
