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
		for {
			n, err := f.Read(b)
			if errors.Is(err, os.ErrClosed) || ctx.Err() != nil {
				return
			}
			// An error says that messages were lost: that is news too.
			if err == nil && !isNews(b[:n]) {
				continue
			}
			tell(news)
		}
	}()
}
