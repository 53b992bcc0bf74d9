package forward

import (
	"strings"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/sshconn"
	"tssh/proxy/tun"
)

// maxTunnels bounds the devices of one connection.
const maxTunnels = 64

// tunnel opens a tun device for the client, where PermitTunnel lets it and this
// process, which is the user's, may: root, or the owner of a device that stands.
func (f *Forwarder) tunnel(n sshconn.NewChannel) {
	var asked tun.Request
	if err := ssh.Unmarshal(n.ExtraData(), &asked); err != nil {
		n.Reject(ssh.ConnectionFailed, "malformed")
		return
	}
	unit, ok := f.policy.PermitsTunnel(asked.Mode, asked.Unit)
	if !ok {
		f.logf("forward: tunnel of unit %d in mode %d: %v", asked.Unit, asked.Mode, errForbidden)
		n.Reject(ssh.ConnectionFailed, "open failed") // sshd's words
		return
	}
	d, err := tun.Open(asked.Mode, unit)
	if err != nil {
		f.logf("forward: tunnel: %v", err)
		n.Reject(ssh.ConnectionFailed, "open failed")
		return
	}
	defer d.Close()
	if !f.keepTunnel(d) {
		n.Reject(ssh.ResourceShortage, "too many tunnels")
		return
	}
	ch, err := n.Accept()
	if err != nil {
		return
	}
	go discard(ch)
	if err := d.Join(ch); err != nil {
		f.logf("forward: %s: %v", d.Name, err)
	}
}

// keepTunnel remembers the device; as in sshd, sessions are told of it also
// when it has gone.
func (f *Forwarder) keepTunnel(d *tun.Device) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || len(f.tunnels) >= maxTunnels {
		return false
	}
	f.tunnels = append(f.tunnels, d.Name)
	return true
}

// Tunnels are the names of the tun devices, with commas between.
func (f *Forwarder) Tunnels() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.tunnels, ",")
}
