//go:build !linux

package session

import "time"

func lastLogin(file string, uid int) (when time.Time, from string, ok bool) {
	return time.Time{}, "", false
}
