//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package path

import (
	"context"
	"os"
	"syscall"

	"golang.org/x/net/route"
	"golang.org/x/sys/unix"
)

// Watch listens to the kernel's news of addresses, routes and links. See
// Network. Where it may not (a sandbox), it is silent: knocks find out.
func (Host) Watch(ctx context.Context) <-chan struct{} {
	news := make(chan struct{}, 1)
	tickWakes(ctx, news)
	syscall.ForkLock.RLock() // or a program that starts now would keep it
	fd, err := unix.Socket(unix.AF_ROUTE, unix.SOCK_RAW, unix.AF_UNSPEC)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return news
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return news
	}
	watch(ctx, os.NewFile(uintptr(fd), "route"), news)
	return news
}

// isNews passes over the replies to other programs' questions.
func isNews(b []byte) bool {
	messages, err := route.ParseRIB(route.RIBTypeRoute, b)
	if err != nil {
		return true
	}
	for _, m := range messages {
		if r, ok := m.(*route.RouteMessage); ok && r.Type == unix.RTM_GET {
			continue
		}
		return true
	}
	return false
}
