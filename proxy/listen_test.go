//go:build unix

package proxy

import (
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestNoPort: one line that says why, and what to do.
func TestNoPort(t *testing.T) {
	refused := fmt.Errorf("listen on UDP port 80: %w", &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EACCES)})
	used := &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	for _, c := range []struct {
		ports []int
		last  error
		want  string
	}{
		{[]int{80}, refused, "listen on port 80: permission denied; ports below 1024 are root's, choose others by UdpPort"},
		{[]int{7000}, used, "listen on port 7000: address already in use; choose others by UdpPort"},
		{[]int{7002, 7000, 7001}, used, "listen: none of 3 ports is free; the last one tried, 7001: address already in use; choose others by UdpPort"},
	} {
		if got := noPort(c.ports, c.last).Error(); got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
	l, err := net.ListenPacket("udp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.LocalAddr().(*net.UDPAddr).Port
	s, err := Listen(t.Context(), ServerConfig{Transport: "quic", Ports: []int{port}})
	if err == nil {
		s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("listen on port %d: ", port)) {
		t.Errorf("a port that is in use: %v", err)
	}
}
