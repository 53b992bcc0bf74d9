package path

import (
	"context"
	"errors"
	"math"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// watchWakes tells news when the machine slept. The kernel cancels a timer that
// waits for a time of day whenever that time jumps, as it does when the machine
// wakes: so nothing has to look at the clocks, and an idle session sleeps.
func watchWakes(ctx context.Context, news chan<- struct{}) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		tickWakes(ctx, news)
		return
	}
	if err := armWake(fd); err != nil {
		unix.Close(fd)
		tickWakes(ctx, news)
		return
	}
	f := os.NewFile(uintptr(fd), "timer")
	stop := context.AfterFunc(ctx, func() { f.Close() }) // ends the read
	go func() {
		defer stop()
		defer f.Close()
		var b [8]byte
		for {
			_, err := f.Read(b[:])
			if ctx.Err() != nil || err != nil && !errors.Is(err, unix.ECANCELED) {
				return
			}
			if armWake(fd) != nil { // first, so that no jump is missed
				return
			}
			tell(news)
		}
	}()
}

// armWake waits for a time that never comes.
func armWake(fd int) error {
	var never unix.ItimerSpec
	at := int64(math.MaxInt64)
	if unsafe.Sizeof(never.Value.Sec) == 4 { // such a kernel knows no time after 2038
		at = math.MaxInt32 * int64(time.Second)
	}
	never.Value = unix.NsecToTimespec(at)
	return unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil)
}
