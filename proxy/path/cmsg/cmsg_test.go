//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package cmsg

import (
	"bytes"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAnyAddress: a message reads as it was written wherever its buffer begins.
func TestAnyAddress(t *testing.T) {
	for at := range 16 {
		room := make([]byte, 256)[at:]
		oob := room[:0]
		for n := range 5 {
			var data []byte
			oob, data = Append(oob, int32(n), int32(-n), 4*n)
			copy(data, bytes.Repeat([]byte{byte(n)}, 4*n))
		}
		n := 0
		Each(oob, func(level, name int32, data []byte) {
			if int(level) != n || int(name) != -n || !bytes.Equal(data, bytes.Repeat([]byte{byte(n)}, 4*n)) {
				t.Errorf("at %d: message %d is %d %d % x", at, n, level, name, data)
			}
			n++
		})
		if n != 5 {
			t.Errorf("at %d: %d messages", at, n)
		}
	}
}

// TestAsTheSystemHasIt compares with what golang.org/x/sys makes.
func TestAsTheSystemHasIt(t *testing.T) {
	want := unix.UnixRights(1, 2, 3)
	got, data := Append(make([]byte, 0, 64), unix.SOL_SOCKET, unix.SCM_RIGHTS, 12)
	copy(data, want[unix.CmsgLen(0):])
	if !bytes.Equal(got, want) {
		t.Errorf("% x, want % x", got, want)
	}
}

func FuzzEach(f *testing.F) {
	oob, _ := Append(make([]byte, 0, 64), unix.IPPROTO_IP, unix.IP_TOS, 4)
	f.Add(oob)
	f.Fuzz(func(t *testing.T, b []byte) {
		var here, there []string
		Each(b, func(level, name int32, data []byte) { here = append(here, fmt.Sprint(level, name, data)) })
		moved := append(make([]byte, 1, 1+len(b)), b...)[1:]
		Each(moved, func(level, name int32, data []byte) { there = append(there, fmt.Sprint(level, name, data)) })
		if fmt.Sprint(here) != fmt.Sprint(there) {
			t.Errorf("%v, at another address %v", here, there)
		}
	})
}
