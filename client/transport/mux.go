package transport

import (
	"strings"

	"golang.org/x/crypto/ssh"

	"tssh/client/channel"
)

// Mux puts SSH's channels on an authenticated connection. Ended is called with the
// reason, an *Error, when there is nothing more to read, before the channels end
// for it.
func (c *Conn) Mux(user string, ended func(error)) (*channel.Conn, <-chan ssh.NewChannel, <-chan *ssh.Request) {
	m, chans, reqs := channel.New(c, channel.Meta{
		User: user, Local: c.conn.LocalAddr(), Remote: c.conn.RemoteAddr(), SessionID: c.sessionID,
		ClientVersion: []byte(c.version), ServerVersion: []byte(c.serverVersion),
	}, channel.Config{
		Guess: c.guessable(), CountsLengths: strings.HasPrefix(c.serverVersion, openSSH),
		Close: c.Close, Ended: func(err error) { ended(classify(err)) },
	})
	c.mu.Lock()
	c.refuse = m.Refused
	c.mu.Unlock()
	return m, chans, reqs
}

const (
	openSSH = "SSH-2.0-OpenSSH_"
	// hostbound is an extension that OpenSSH's server has had since 8.9.
	hostbound = "publickey-hostbound@openssh.com"
)

// guessable reports whether the server numbers its channels as OpenSSH's does,
// and bears requests before its answer. Others call themselves OpenSSH too,
// and some of them (those on x/crypto) do not: what tells them apart is the
// extension, which only the real one has.
func (c *Conn) guessable() bool {
	_, has := c.extensions[hostbound]
	return has && strings.HasPrefix(c.serverVersion, openSSH)
}
