package cores

import (
	"time"

	"golang.org/x/sys/unix"
)

// spent is how long the process ran.
func spent() (time.Duration, bool) {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0, false
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}
