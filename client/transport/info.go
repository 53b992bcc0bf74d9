package transport

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"tssh/proxy/visible"
)

// volume counts what went one way.
type volume struct{ packets, plain, sent atomic.Uint64 } // bytes before and after compression

func (v *volume) add(plain, sent int) {
	v.packets.Add(1)
	v.plain.Add(uint64(plain))
	v.sent.Add(uint64(sent))
}

// Info describes the connection in the lines of ssh's ~I.
func (c *Conn) Info() []string {
	c.mu.Lock()
	now := c.agreedNow
	c.mu.Unlock()
	lines := []string{fmt.Sprintf("versions %s -> %s", software(c.version), visible.Line(software(c.serverVersion)))}
	if _, ok := c.conn.RemoteAddr().(*net.TCPAddr); ok {
		lines = append(lines, fmt.Sprintf("tcp %v -> %v", c.conn.LocalAddr(), c.conn.RemoteAddr()))
	} else {
		lines = append(lines, "proxy")
	}
	open := int(time.Since(c.began) / time.Second)
	lines = append(lines, fmt.Sprintf("duration %02d:%02d:%02d", open/3600, open/60%60, open%60),
		"kexalgorithm "+now.Kex, "hostkeyalgorithm "+now.HostKey,
		"cipher "+bothWays(now.CipherOut, now.CipherIn),
		"mac "+bothWays(implicit(now.MACOut), implicit(now.MACIn)),
		"compression "+bothWays(now.CompressOut, now.CompressIn))
	if now.CompressIn == delayed || now.CompressOut == delayed {
		lines = append(lines, fmt.Sprintf("compressed %s to %s in, %s to %s out", size(c.inAll.plain.Load()), size(c.inAll.sent.Load()),
			size(c.outAll.plain.Load()), size(c.outAll.sent.Load())))
	}
	limit, interval := "none", "none"
	if c.cfg.RekeyBytes > 0 {
		limit = size(c.cfg.RekeyBytes)
	}
	if c.cfg.RekeyAfter > 0 {
		interval = c.cfg.RekeyAfter.String()
	}
	return append(lines, fmt.Sprintf("rekey limit %s interval %s", limit, interval),
		fmt.Sprintf("traffic %d pkts %s in, %d pkts %s out", c.inAll.packets.Load(), size(c.inAll.plain.Load()),
			c.outAll.packets.Load(), size(c.outAll.plain.Load())))
}

// software is what a line of identification names.
func software(version string) string {
	_, after, _ := strings.Cut(strings.TrimPrefix(version, "SSH-"), "-")
	return after
}

// bothWays is one name where both directions have it.
func bothWays(out, in string) string {
	if out == in {
		return out
	}
	return fmt.Sprintf("%s out, %s in", out, in)
}

func implicit(mac string) string {
	if mac == "" {
		return "<implicit>"
	}
	return mac
}

// size is a number of bytes for people.
func size(n uint64) string {
	f, unit := float64(n), "B"
	for _, next := range []string{"KB", "MB", "GB", "TB"} {
		if f < 1024 {
			break
		}
		f, unit = f/1024, next
	}
	if unit == "B" {
		return fmt.Sprintf("%dB", n)
	}
	return fmt.Sprintf("%.1f%s", f, unit)
}
