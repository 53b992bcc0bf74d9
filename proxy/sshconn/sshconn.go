// Package sshconn speaks SSH channels (RFC 4254) over the streams of a mux: one
// stream a channel. The client's end is an ssh.Conn, so that everything built
// on ssh.NewClient works over it unchanged; the server's end is a Server, which
// a plain SSH server can be turned into as well.
package sshconn

import "golang.org/x/crypto/ssh"

// Server is the serving end of an SSH connection, whatever carries it.
type Server interface {
	// Channels yields the channels that the client opens; it is closed when
	// the connection ends. Every one must be accepted or rejected.
	Channels() <-chan NewChannel
	// Requests yields the client's global requests (tcpip-forward, ...). Every
	// one must be answered with Reply.
	Requests() <-chan *Request
	// OpenChannel opens a channel to the client (forwarded-tcpip, x11,
	// auth-agent@openssh.com, ...). The error is an *ssh.OpenChannelError when the
	// client refused it.
	OpenChannel(kind string, extra []byte) (Channel, error)
	// SendRequest sends a global request to the client.
	SendRequest(kind string, wantReply bool, payload []byte) (ok bool, reply []byte, err error)
	// Close ends the connection.
	Close() error
	// Wait returns when the connection has ended, with the reason.
	Wait() error
}

// NewChannel is a channel that the client asks for.
type NewChannel interface {
	ChannelType() string
	ExtraData() []byte
	Accept() (Channel, error)
	Reject(reason ssh.RejectionReason, message string) error
}

// Channel is the serving end of one channel. Read, Write, CloseWrite, Close,
// SendRequest and Stderr are as in ssh.Channel.
type Channel interface {
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)
	CloseWrite() error
	Close() error
	SendRequest(kind string, wantReply bool, payload []byte) (bool, error)
	Stderr() ReadWriter
	// Requests yields the client's requests on this channel, in order with its
	// data; it is closed when the channel ends.
	Requests() <-chan *Request
	// Interactive bounds what is under way to the client to about one
	// bandwidth-delay product, so that an interrupt takes effect in about one
	// round trip. It is for channels with a pty.
	Interactive()
}

// ReadWriter is what Stderr gives.
type ReadWriter interface {
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)
}

// Request is a request of the client's, of a channel or global.
type Request struct {
	Type      string
	WantReply bool
	Payload   []byte

	reply func(ok bool, payload []byte) error
}

// NewRequest makes a Request whose Reply calls reply (nil: nobody waits).
func NewRequest(kind string, wantReply bool, payload []byte, reply func(ok bool, payload []byte) error) *Request {
	return &Request{Type: kind, WantReply: wantReply, Payload: payload, reply: reply}
}

// Reply answers r. It does nothing when no answer is wanted.
func (r *Request) Reply(ok bool, payload []byte) error {
	if !r.WantReply || r.reply == nil {
		return nil
	}
	return r.reply(ok, payload)
}
