// Package flow copies bytes between a channel and a program or a socket, with
// buffers as large as the stream deserves: thousands of idle forwards must cost
// little, and one busy one must not crawl.
package flow

import (
	"errors"
	"io"
)

const (
	small = 4 << 10
	large = 64 << 10
)

// Copy copies until src ends or either side fails. It says which: read is nil
// when src ended with io.EOF.
func Copy(dst io.Writer, src io.Reader) (write, read error) {
	buf := make([]byte, small)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return err, nil
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return nil, err
		}
		switch {
		case n == len(buf) && n < large: // there is more than fits
			buf = make([]byte, large)
		case n < small/4 && len(buf) == large: // it has calmed down
			buf = make([]byte, small)
		}
	}
}
