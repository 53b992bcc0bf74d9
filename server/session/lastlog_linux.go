package session

import (
	"bytes"
	"encoding/binary"
	"os"
	"time"
)

// lastLogin reads when and from where a user last had a terminal. Each record of the
// file is a time of 32 bits, a line of 32 bytes and a host of 256.
func lastLogin(file string, uid int) (when time.Time, from string, ok bool) {
	const size = 4 + 32 + 256
	f, err := os.Open(file)
	if err != nil {
		return time.Time{}, "", false
	}
	defer f.Close()
	var record [size]byte
	if _, err := f.ReadAt(record[:], int64(uid)*size); err != nil {
		return time.Time{}, "", false
	}
	seconds := binary.NativeEndian.Uint32(record[:])
	host, _, _ := bytes.Cut(record[36:], []byte{0})
	return time.Unix(int64(seconds), 0), string(host), seconds != 0
}
