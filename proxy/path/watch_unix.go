//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package path

import (
	"context"
	"errors"
	"os"
)

// watch tells news whenever f, a socket of routing messages, has some.
func watch(ctx context.Context, f *os.File, news chan<- struct{}) {
	stop := context.AfterFunc(ctx, func() { f.Close() }) // ends the read
	go func() {
		defer stop()
		defer f.Close()
		b := make([]byte, 8<<10)
		for failed := 0; failed < 100; failed++ { // a socket that does nothing else is broken
			n, err := f.Read(b)
			if errors.Is(err, os.ErrClosed) || ctx.Err() != nil {
				return
			}
			if err == nil {
				failed = -1
			}
			// An error says that messages were lost: that is news too.
			if err == nil && !isNews(b[:n]) {
				continue
			}
			tell(news)
		}
	}()
}
