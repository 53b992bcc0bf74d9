package tun

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Supported tells whether this system's devices can be opened.
const Supported = true

// Open makes a device, or takes one that was made before and that this user
// may use. Who is not root needs such a one.
func Open(m Mode, unit uint32) (*Device, error) {
	name, flags := "tun", uint16(unix.IFF_TUN|unix.IFF_NO_PI)
	if m == Ethernet {
		name, flags = "tap", unix.IFF_TAP|unix.IFF_NO_PI
	}
	if unit == AnyUnit {
		name += "%d" // the system's choice
	} else {
		name += fmt.Sprint(unit)
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	request.SetUint16(flags)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	// The poller takes a file without a device for a broken one, so it gets it now.
	return &Device{Name: request.Name(), mode: m, queue: os.NewFile(uintptr(fd), "/dev/net/tun")}, nil
}

// gone tells the end of a device from a packet that it doesn't take, such as
// any while it is down.
func gone(err error) bool {
	return errors.Is(err, os.ErrClosed) || errors.Is(err, unix.EBADFD)
}
