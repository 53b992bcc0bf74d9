package policy

import (
	"testing"

	"tssh/proxy/tun"
)

// TestTunnelsAreForwardingsToo: what forbids every forwarding forbids tun
// devices, and a unit that a key may have is no leave.
func TestTunnelsAreForwardingsToo(t *testing.T) {
	for _, c := range []struct {
		config, key string
		permits     bool
	}{
		{"PermitTunnel yes\n", ``, true},
		{"PermitTunnel yes\n", `tunnel="3"`, true},
		{"PermitTunnel yes\n", `no-port-forwarding`, true},
		{"", ``, false},
		{"PermitTunnel yes\nDisableForwarding yes\n", ``, false},
		{"DisableForwarding yes\nMatch User root\nPermitTunnel yes\n", ``, false},
		{"PermitTunnel yes\nMatch User root\nDisableForwarding yes\n", ``, false},
		{"PermitTunnel yes\n", `restrict`, false},
		{"PermitTunnel yes\n", `restrict,port-forwarding,pty`, false},
		{"PermitTunnel yes\n", `restrict,tunnel="3"`, false},
		{"PermitTunnel yes\n", `tunnel="3",restrict`, false},
	} {
		p, err := Load(write(t, t.TempDir(), "sshd_config", c.config), login())
		if err != nil {
			t.Fatal(err)
		}
		l, err := parseOptions(splitOptions(c.key))
		if err != nil {
			t.Fatal(err)
		}
		p.limit(l)
		for _, mode := range []tun.Mode{tun.PointToPoint, tun.Ethernet} {
			if _, ok := p.PermitsTunnel(mode, tun.AnyUnit); ok != c.permits {
				t.Errorf("%q with a key of %q: a device in mode %d: %v", c.config, c.key, mode, ok)
			}
		}
	}
}
