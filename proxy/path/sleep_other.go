//go:build !linux

package path

import "time"

func asleep() (time.Duration, bool) { return 0, false }
