package login

import (
	"golang.org/x/crypto/ssh"

	"tssh/client/channel"
	"tssh/client/transport"
)

// channels puts SSH's channels on the authenticated connection. OpenSSH numbers
// them from 0 on, bears requests before its answer, and counts a tunnel's lengths.
func (l *Login) channels() (chans <-chan ssh.NewChannel, reqs <-chan *ssh.Request) {
	l.mux, chans, reqs = channel.New(l.tr, channel.Meta{
		User: l.host.User, Local: l.conn.LocalAddr(), Remote: l.conn.RemoteAddr(), SessionID: l.tr.SessionID(),
		ClientVersion: []byte(l.tr.ClientVersion()), ServerVersion: []byte(l.tr.ServerVersion()),
	}, channel.Config{
		Guess: l.tr.IsOpenSSH(), CountsLengths: l.tr.CallsItselfOpenSSH(), Close: l.tr.Close,
		Ended: func(err error) { l.finish(l.sessionWords(transport.Classify(err))) },
	})
	l.tr.Refusals(l.mux.Refused)
	return chans, reqs
}
