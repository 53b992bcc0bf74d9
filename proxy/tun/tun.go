// Package tun joins a tun device of this machine with the one at the other end
// of an ssh connection: the channel tun@openssh.com (section 2.3 of OpenSSH's
// PROTOCOL).
//
// # Wire
//
// The extra data of the channel are two numbers, mode and unit. The channel is
// a stream of packets; numbers are big-endian:
//
//	+--------+----------------+---------------------------+
//	| length | address family | packet                    |   point-to-point
//	+--------+----------------+---------------------------+
//	| length | frame with its addresses                   |   ethernet
//	+--------+--------------------------------------------+
//
// Length and address family are 4 bytes each, and the length counts the family.
// It is 2 for IPv4 and 24 for IPv6, as on OpenBSD, whatever the systems are.
//
// OpenSSH leaves the length out: there each message of the channel is one
// packet. Over a stream of a mux messages keep no bounds, so here the length is
// part of the data always, and who speaks to an sshd (package client/transport)
// turns each packet into a message and back.
package tun

import (
	"errors"
	"io"
)

// Kind is the type of the channel.
const Kind = "tun@openssh.com"

// Mode is what a device carries.
type Mode uint32

// The modes; their numbers are those of the channel.
const (
	PointToPoint Mode = 1 // IP packets
	Ethernet     Mode = 2 // frames
)

// AnyUnit asks for the first device that is free.
const AnyUnit = 0x7fffffff

// Request is the extra data of the channel.
type Request struct {
	Mode Mode
	Unit uint32
}

// ErrUnsupported says that devices of this system can't be opened.
var ErrUnsupported = errors.New("tunnel devices are not supported on this system")

// Device is an open tun or tap device.
type Device struct {
	Name string // as the system calls it: tun0

	mode  Mode
	queue io.ReadWriteCloser // one packet a call
}

// Close removes the device, unless somebody made it before us. It may be called
// twice, and ends Join.
func (d *Device) Close() error { return d.queue.Close() }
