package path

import (
	"time"

	"golang.org/x/sys/unix"
)

// asleep is how long the machine has slept since it was started.
func asleep() (time.Duration, bool) {
	var boot, running unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &running) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil {
		return 0, false
	}
	return time.Duration(boot.Nano() - running.Nano()), true
}
