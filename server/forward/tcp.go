package forward

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/sshconn"
	"tssh/server/policy"
)

// errForbidden is for what the policy does not permit.
var errForbidden = errors.New("administratively prohibited")

// destination is the extra data of direct-tcpip and its like.
type destination struct {
	Host       string
	Port       uint32
	Origin     string
	OriginPort uint32
}

// endpoint is the payload of tcpip-forward and its like.
type endpoint struct {
	Host string
	Port uint32
}

func (e endpoint) key(kind string) string {
	return kind + " " + net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port)))
}

// permitted is the address that a direct channel wants, or refuses the channel. err
// is why its words could not be read.
func (f *Forwarder) permitted(n sshconn.NewChannel, host string, port uint32, err error) (address string, ok bool) {
	if err != nil || port > 0xffff {
		n.Reject(ssh.ConnectionFailed, "malformed")
		return "", false
	}
	if !f.policy.PermitsOpen(host, int(port)) {
		refuse(n)
		return "", false
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port))), true
}

func (f *Forwarder) directTCP(n sshconn.NewChannel) {
	var to destination
	err := ssh.Unmarshal(n.ExtraData(), &to)
	address, ok := f.permitted(n, to.Host, to.Port, err)
	if !ok {
		return
	}
	conn, err := f.dial("tcp", address)
	connected(n, conn, err)
}

func (f *Forwarder) listenTCP(payload []byte) (reply []byte, err error) {
	var at endpoint
	if err := ssh.Unmarshal(payload, &at); err != nil || at.Port > 0xffff {
		return nil, errors.New("malformed")
	}
	if !f.policy.PermitsListen(at.Host, int(at.Port)) {
		return nil, errForbidden
	}
	asked := at
	listeners, port, err := listen(hosts(at.Host, f.policy.GatewayPorts), int(at.Port))
	if err != nil {
		return nil, err
	}
	at.Port = uint32(port)
	end := func() {
		for _, l := range listeners {
			l.Close()
		}
	}
	if err := f.remember(at.key("tcp"), end); err != nil {
		end()
		return nil, err
	}
	for _, l := range listeners {
		f.spawn(func() {
			f.accept(l, "forwarded-tcpip", func(conn net.Conn) []byte {
				host, port := split(conn.RemoteAddr())
				return ssh.Marshal(destination{at.Host, at.Port, host, port})
			})
		})
	}
	if asked.Port == 0 {
		reply = ssh.Marshal(struct{ Port uint32 }{at.Port})
	}
	return reply, nil
}

func (f *Forwarder) unlisten(kind string, payload []byte) error {
	var at endpoint
	if err := ssh.Unmarshal(payload, &at); err != nil {
		return errors.New("malformed")
	}
	return f.drop(at.key(kind))
}

// hosts are the addresses to bind when the client asks for one, by sshd's rules
// for GatewayPorts: who may connect is the administrator's word, not the client's.
func hosts(asked string, gateway policy.Gateway) []string {
	loopback := []string{"127.0.0.1", "::1"}
	everywhere := []string{"0.0.0.0", "::"}
	switch {
	case gateway == policy.GatewayYes:
		return everywhere
	case asked == "127.0.0.1" || asked == "::1":
		return []string{asked}
	case gateway == policy.GatewayNo || asked == "localhost":
		return loopback
	case asked == "" || asked == "*":
		return everywhere
	}
	return []string{asked}
}

// listen binds one port on each host; a family that the machine hasn't is left
// out. When the system chooses the port, the first host's is tried on the others.
func listen(hosts []string, port int) ([]net.Listener, int, error) {
	var all []net.Listener
	var trouble error
	for _, host := range hosts {
		network := "tcp"
		if host == "::" {
			network = "tcp6" // and not both families, of which one is bound
		}
		l, err := net.Listen(network, net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			trouble = fmt.Errorf("listen on %s: %w", host, err)
			continue
		}
		all = append(all, l)
		port = l.Addr().(*net.TCPAddr).Port
	}
	if all == nil {
		return nil, 0, trouble
	}
	return all, port, nil
}

// split gives address and port of a peer.
func split(a net.Addr) (host string, port uint32) {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.IP.String(), uint32(a.Port)
	case *net.UDPAddr:
		return a.IP.String(), uint32(a.Port)
	}
	return "127.0.0.1", 65535 // as sshd says of what has no address
}
