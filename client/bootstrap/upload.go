package bootstrap

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"time"
)

// upload sends the program to the command's stdin and closes that, which says
// that it is whole.
func (t *talk) upload(stdin io.WriteCloser, place, how string) (err error) {
	defer func() {
		if closing := stdin.Close(); err == nil {
			err = closing
		}
		if err != nil {
			err = fmt.Errorf("send tsshd to %s: %w", place, err)
		}
	}()
	if t.req.Binary == nil {
		return fmt.Errorf("there is nothing to send")
	}
	f, err := os.Open(t.req.Binary.path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, size, err := t.req.Binary.sum()
	if err != nil {
		return err
	}
	bar := newBar(t.req, place, size)
	defer bar.clear()
	counted := io.TeeReader(f, writerFunc(func(p []byte) (int, error) {
		t.silence.Reset(t.req.Quiet)
		bar.add(len(p))
		return len(p), nil
	}))
	if how != "gzip" {
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

// bar shows on one line of a terminal how far an upload is. The nil bar shows
// nothing.
type bar struct {
	out         io.Writer
	place       string
	sent, size  int64
	start, last time.Time
}

func newBar(req Request, place string, size int64) *bar {
	if !req.Progress || req.Stderr == nil {
		return nil
	}
	return &bar{out: req.Stderr, place: place, size: size, start: time.Now()}
}

// add counts n bytes, before compression: the user knows the program's size.
func (b *bar) add(n int) {
	if b == nil {
		return
	}
	b.sent += int64(n)
	now := time.Now()
	if now.Sub(b.last) < 100*time.Millisecond && b.sent < b.size {
		return
	}
	b.last = now
	speed := float64(b.sent) / max(now.Sub(b.start).Seconds(), 0.001)
	const mega = 1e6
	fmt.Fprintf(b.out, "\rsending tsshd to %s: %3d%% %.1f of %.1f MB, %.1f MB/s\x1b[K",
		b.place, 100*b.sent/max(b.size, 1), float64(b.sent)/mega, float64(b.size)/mega, speed/mega)
}

// clear leaves the line as it was.
func (b *bar) clear() {
	if b != nil && !b.last.IsZero() {
		fmt.Fprint(b.out, "\r\x1b[K")
	}
}
