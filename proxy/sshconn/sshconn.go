// Package sshconn speaks SSH channels (RFC 4254) over the streams of a mux: one
// stream a channel. The client's end is an ssh.Conn, so that everything built
// on ssh.NewClient works over it unchanged; the server's end is a Server, which
// a plain SSH server can be turned into as well. What a channel is, it shares with
// SSH over TCP, by package tssh/proxy/channel; its own is what follows.
//
// # Wire
//
// Whoever opens a channel opens a stream and writes the opening, in which kind
// is the channel type of SSH and extra its type-specific data:
//
//	| 1 length | kind | 4 length | extra | 4 after |
//
// after is the number of global replies that the opener had sent before. The
// other end holds the channel back until it has seen as many, so that the
// answer to tcpip-forward comes before the first forwarded-tcpip, as on a TCP
// connection.
//
// Then both ends write frames:
//
//	| 1 type | 3 length | length bytes |
//
//	'C' confirm   none                      the channel is accepted
//	'R' reject    4 reason, message         it is not; the stream ends
//	'd' data      up to 32768               bytes of the channel
//	'e' stderr    up to 32768               SSH's extended data, type 1
//	'w' window    4                         so many bytes of data and stderr were
//	                                        read, and as many more may be sent
//	'g' growth    4                         so many more may be sent besides
//	's' starved   none                      the sender has data and no window
//	'p' prompt    none                      give window in small steps: the
//	                                        sender measures how fast it comes
//	'q' request   1 wants a reply,          a request of the channel
//	              2 length, type, payload
//	'y' success   payload                   answers the oldest request that
//	'n' failure   payload                   wants a reply and has none
//	'E' eof       none                      no more data or stderr
//	'X' close     none                      no more frames; the stream ends
//	'm' move      8                         further frames of this direction come on
//	                                        the stream of bulk with that number
//
// Numbers are big-endian. Each end may send 2 MiB of data and stderr before it
// is given more, and the opener need not wait for the confirmation.
//
// A channel of an empty kind, of which each end may open one, carries the
// global requests of its opener: 'q' in that direction, 'y' and 'n' back.
//
// # Bulk
//
// A direction that sent 16 KiB, and is no terminal's, moves to mux's connection for
// bulk, once, when there is one. What was sent before is read first. The stream itself
// stays, and ends after the other.
//
// # Windows
//
// An end reads its streams at once and keeps what the user has not read within
// the window, so a reader that sleeps stops its own channel and nothing else,
// and replies are never stuck behind data. When a sender is starved although
// the reader keeps up, the window is what is slow, and it is doubled.
package sshconn

import (
	"io"

	"golang.org/x/crypto/ssh"
)

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
	// data; it is closed when the channel ends. It must be read.
	Requests() <-chan *Request
	// Closed tells, once Requests is closed, whether the client has closed the
	// channel, and did not lose its connection. Over plain SSH that is not known,
	// and it is true.
	Closed() bool
	// Interactive bounds what is under way to the client to about one
	// bandwidth-delay product, so that an interrupt takes effect in about one
	// round trip. It is for channels with a pty, before the first Write.
	Interactive()
}

// ReadWriter is what Stderr gives.
type ReadWriter = io.ReadWriter

// Request is a request of the client's, of a channel or global.
type Request struct {
	Type      string
	WantReply bool
	Payload   []byte

	reply  func(ok bool, payload []byte) error
	refuse func() // Reply(false, nil) that does not wait; nil: there is none
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
