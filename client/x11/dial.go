package x11

import (
	"fmt"
	"net"
	"runtime"
)

// dialLocal connects to display n of this machine. Linux has it under an
// abstract name too, where no mount can hide it.
func dialLocal(n int) (net.Conn, error) {
	path := fmt.Sprintf("/tmp/.X11-unix/X%d", n)
	conn, err := net.Dial("unix", path)
	if err != nil && runtime.GOOS == "linux" {
		if abstract, aerr := net.Dial("unix", "@"+path); aerr == nil {
			return abstract, nil
		}
	}
	if err != nil && runtime.GOOS == "windows" {
		return net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", 6000+n))
	}
	return conn, err
}
