package bootstrap

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// upload sends the program to the command's stdin and closes that, which says
// that it is whole.
func (t *talk) upload(program io.Reader, compress bool) (err error) {
	stdin := t.stdin
	defer func() {
		if closing := stdin.Close(); err == nil {
			err = closing
		}
	}()
	if _, err := io.WriteString(stdin, "go\n"); err != nil {
		return err
	}
	counted := io.TeeReader(program, writerFunc(func(p []byte) (int, error) {
		select {
		case t.progress <- struct{}{}:
		default:
		}
		return len(p), t.bar.add(len(p))
	}))
	if !compress {
		_, err = io.Copy(stdin, counted)
		return err
	}
	// Compressed while it is sent; the best level would outlast most networks.
	packets := bufio.NewWriterSize(stdin, 32<<10) // gzip's own writes are of 240 bytes
	z := gzip.NewWriter(packets)
	if _, err := io.Copy(z, counted); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return packets.Flush()
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// bar shows on one line of a terminal how far an upload is.
type bar struct {
	out   io.Writer
	place string
	size  int64
	start time.Time

	mu   sync.Mutex // guards what follows
	sent int64
	last time.Time
	over bool
}

func newBar(req Request, place string, size int64) *bar {
	out := req.Stderr
	if !req.Progress || out == nil {
		out = io.Discard
	}
	return &bar{out: out, place: place, size: size, start: time.Now()}
}

// add counts n bytes, before we compress them. An
// error says that nobody waits for the upload any more.
func (b *bar) add(n int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return net.ErrClosed
	}
	b.sent += int64(n)
	now := time.Now()
	if now.Sub(b.last) < 100*time.Millisecond && b.sent < b.size {
		return nil
	}
	b.last = now
	speed := float64(b.sent) / max(now.Sub(b.start).Seconds(), 0.001)
	const mega = 1e6
	fmt.Fprintf(b.out, "\rsending tsshd to %s: %3d%% %.1f of %.1f MB, %.1f MB/s\x1b[K",
		b.place, 100*b.sent/max(b.size, 1), float64(b.sent)/mega, float64(b.size)/mega, speed/mega)
	return nil
}

// end leaves the line as it was, for good.
func (b *bar) end() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	if !b.last.IsZero() {
		fmt.Fprint(b.out, "\r\x1b[K")
	}
}
