package transport

import "strings"

// Messages of the layer above, the connection's (RFC 4250, 4.1.2; RFC 4254, section 9),
// which are package channel's to read. Here they are told from others.
const (
	msgGlobalRequest  = 80
	msgRequestFailure = 82
	msgOpen           = 90
	msgConfirmation   = 91
	msgOpenFailure    = 92
	msgFailure        = 100
)

// isAbove tells the messages of the layer above.
func isAbove(kind byte) bool {
	return kind >= msgGlobalRequest && kind <= msgRequestFailure || kind >= msgOpen && kind <= msgFailure
}

// Refusals says what a server means that does not know a packet of ours: the packet
// by which one that knows it would refuse what is asked, nil where nothing is. The
// layer above reads that in place of "not implemented".
func (c *Conn) Refusals(of func(packet []byte) (no []byte)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = of
}

const (
	openSSH = "SSH-2.0-OpenSSH_"
	// hostbound is an extension that OpenSSH's server has had since 8.9.
	hostbound = "publickey-hostbound@openssh.com"
)

// CallsItselfOpenSSH tells whether the server says that it is OpenSSH's.
func (c *Conn) CallsItselfOpenSSH() bool { return strings.HasPrefix(c.serverVersion, openSSH) }

// IsOpenSSH reports whether the server is OpenSSH's: others call themselves so,
// too (those on x/crypto), and what tells them apart is the extension, which only
// the real one has.
func (c *Conn) IsOpenSSH() bool {
	_, has := c.extensions[hostbound]
	return has && c.CallsItselfOpenSSH()
}
