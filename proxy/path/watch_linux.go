package path

import (
	"context"
	"os"

	"golang.org/x/sys/unix"
)

// Watch listens to the kernel's news of addresses, routes and links. See
// Network. Where it may not (a sandbox), it is silent: knocks find out.
func (Host) Watch(ctx context.Context) <-chan struct{} {
	news := make(chan struct{}, 1)
	watchWakes(ctx, news)
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return news
	}
	err = unix.Bind(fd, &unix.SockaddrNetlink{
		Family: unix.AF_NETLINK,
		Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV4_ROUTE |
			unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV6_ROUTE,
	})
	if err != nil {
		unix.Close(fd)
		return news
	}
	watch(ctx, os.NewFile(uintptr(fd), "netlink"), news)
	return news
}

func isNews([]byte) bool { return true } // the groups above select
