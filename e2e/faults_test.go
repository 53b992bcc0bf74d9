//go:build linux

package e2e_test

import (
	"fmt"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// roam gives the client another address; the old one is gone, and the packets
// to it are lost.
func (w *world) roam() {
	w.t.Helper()
	old := w.addr
	w.addr = 2 + (old-1)%200
	w.ip(w.client,
		fmt.Sprintf("addr add 10.83.1.%d/24 dev wan", w.addr),
		fmt.Sprintf("addr add fd83:1::%x/64 dev wan nodad", w.addr),
		fmt.Sprintf("addr del 10.83.1.%d/24 dev wan", old),
		fmt.Sprintf("addr del fd83:1::%x/64 dev wan", old),
		"route replace default via 10.83.1.1",
		"-6 route replace default via fd83:1::1")
}

// only4 and only6 leave the client one family.
func (w *world) only4() {
	w.ip(w.client, "-6 route flush default", "route replace default via 10.83.1.1")
}
func (w *world) only6() {
	w.ip(w.client, "route flush default", "-6 route replace default via fd83:1::1")
}

// The faults of the router, as nft rules. None is announced to anyone.
const (
	nothing  = "drop"
	noUDP    = "meta l4proto udp drop"
	onlySSH  = "tcp dport 22 accept\nadd rule inet e2e forward tcp sport 22 accept\nadd rule inet e2e forward drop"
	onlySSH4 = "meta nfproto ipv6 drop\nadd rule inet e2e forward " + onlySSH
)

// fault makes the router forward only what the rules leave over, from now on;
// "" mends all.
func (w *world) fault(rules string) {
	w.t.Helper()
	script := "add table inet e2e\ndelete table inet e2e\nadd table inet e2e\n" +
		"add chain inet e2e forward { type filter hook forward priority 0; }\n"
	if rules != "" {
		script += "add rule inet e2e forward " + rules + "\n"
	}
	w.nft(script)
}

// narrow makes packets over so many bytes vanish in the router, without the
// word to their sender that would be due.
func (w *world) narrow(mtu int) {
	w.t.Helper()
	w.nft("add table inet mute\ndelete table inet mute\nadd table inet mute\n" +
		"add chain inet mute out { type filter hook output priority 0; }\n" +
		"add rule inet mute out icmp type destination-unreachable drop\n" +
		"add rule inet mute out icmpv6 type packet-too-big drop\n")
	w.ip(w.router, fmt.Sprintf("link set c mtu %d", mtu), fmt.Sprintf("link set s mtu %d", mtu))
}

// nat hides the client behind the router's address, with a port for each flow
// that nothing can guess.
func (w *world) nat() {
	w.t.Helper()
	w.nft("add table ip nat\nadd chain ip nat post { type nat hook postrouting priority 100; }\n" +
		"add rule ip nat post oifname s masquerade fully-random\n")
}

// rebind makes the router forget all flows, as after a restart: the next
// packet of each leaves from another port.
func (w *world) rebind() {
	w.t.Helper()
	w.within(w.router, func() error {
		s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		if err != nil {
			return err
		}
		defer unix.Close(s)
		// nlmsghdr and nfgenmsg of "delete, no filter": IPCTNL_MSG_CT_DELETE is 2
		// of subsystem 1, with NLM_F_REQUEST|NLM_F_ACK.
		flush := []byte{20, 0, 0, 0, 2, 1, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0, unix.AF_UNSPEC, 0, 0, 0}
		if err := unix.Sendto(s, flush, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return err
		}
		answer := make([]byte, 64)
		n, _, err := unix.Recvfrom(s, answer, 0)
		if err == nil && (n < 20 || answer[16]|answer[17]|answer[18]|answer[19] != 0) {
			return fmt.Errorf("flush conntrack: % x", answer[:n])
		}
		return err
	})
}

func (w *world) nft(script string) {
	w.t.Helper()
	w.within(w.router, func() error {
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("nft: %w: %s\n%s", err, out, script)
		}
		return nil
	})
}
