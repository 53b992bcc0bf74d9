package wire

// Transport is the protocol that carries a session's streams.
type Transport string

// The transports. The zero value is none: ssh's own connection.
const (
	QUIC Transport = "quic"
	KCP  Transport = "kcp"
)

// Mode says which kinds of path may be used.
type Mode string

// The modes, as UdpProxyMode has them. The zero value is Auto.
const (
	Auto    Mode = "auto" // UDP if it works, else TCP, else SSH; back when a better one works again
	OnlyUDP Mode = "udp"
	OnlyTCP Mode = "tcp"
	OnlySSH Mode = "ssh"
)

// Keep is how much is kept of the output of programs whose client is away, in
// bytes. 0: the program waits.
type Keep struct {
	Terminal int64 // in memory; the oldest goes
	Pipes    int64 // in a file; then the program waits
}

// UsualKeep is what is kept where nobody says.
var UsualKeep = Keep{4 << 20, 64 << 20}

// MaxKeep bounds it.
const MaxKeep = 1 << 40
