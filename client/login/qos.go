package login

import (
	"net"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"tssh/client/sshconfig/value"
)

// SetInteractive marks the packets of the connection as IPQoS says: its first
// class is for sessions on a terminal, its second for the others. Networks
// that ignore the marks lose nothing, so a failure is not reported.
func (l *Login) SetInteractive(yes bool) {
	classes := l.host.IPQoS
	if len(classes) == 0 || l.Remote == nil {
		return
	}
	class := classes[len(classes)-1]
	if yes {
		class = classes[0]
	}
	tos := value.QoSValue(class)
	conn, ok := l.conn.(*net.TCPConn)
	if !ok || tos < 0 || class == "none" {
		return
	}
	if l.Remote.AddrPort().Addr().Unmap().Is4() {
		ipv4.NewConn(conn).SetTOS(tos)
	} else {
		ipv6.NewConn(conn).SetTrafficClass(tos)
	}
}
