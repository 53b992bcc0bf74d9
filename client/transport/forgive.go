package transport

import (
	"encoding/binary"
	"io"
	"slices"
	"sync"

	"golang.org/x/crypto/ssh"
)

// forgiving makes of what a server sends what x/crypto's channels bear. They
// end the connection, with every channel on it, for much that ssh passes over
// and that servers do which are not OpenSSH's: packets larger than was agreed,
// words after a channel's close, odd sizes, messages without their last field.
// What is repaired here is the server's own to give: it gains nothing but to be
// understood.
//
// It also knows what x/crypto does not tell: which channels the server has
// closed, and the answers to requests that nobody waited for.
type forgiving struct {
	mu     sync.Mutex          // guards what follows
	ours   map[uint32]*passage // by our number
	theirs map[uint32]*passage // by the server's, while we may send
	gone   map[uint32]bool     // numbers of ours that the server closed, until they are used again
	ended  bool
}

// passage is one channel.
type passage struct {
	ours    uint32        // our number
	number  uint32        // the server's
	open    bool          // the server has accepted it
	closed  bool          // the server has closed it
	silent  bool          // we have: nothing more is sent
	answers []chan<- bool // to requests under way, in their order; nil: x/crypto's own

	asking sync.Mutex // held while a request that wants an answer leaves, so that the order is one; before mu
}

func newForgiving() *forgiving {
	return &forgiving{ours: map[uint32]*passage{}, theirs: map[uint32]*passage{}, gone: map[uint32]bool{}}
}

const (
	msgGlobalRequest   = 80
	msgRequestRefused  = 82
	msgExtendedData    = 95
	msgChannelRequest  = 98
	msgChannelSuccess  = 99
	msgChannelFailure  = 100
	msgChannelEOF      = 96
	channelNumberBytes = 5 // of a message about a channel: its kind and number
)

// isOfChannels tells the messages of the connection layer (RFC 4250, 4.1.2).
func isOfChannels(kind byte) bool {
	return kind >= msgGlobalRequest && kind <= msgRequestRefused || kind >= msgChannelOpen && kind <= msgChannelFailure
}

// opening notes a channel that we open as p.
func (f *forgiving) opening(ours uint32, p *passage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.ours = ours
	f.ours[ours] = p
	delete(f.gone, ours)
}

// outgoing sees each packet that x/crypto sends.
func (f *forgiving) outgoing(packet []byte) {
	if len(packet) < channelNumberBytes || packet[0] == msgChannelData {
		return
	}
	number := binary.BigEndian.Uint32(packet[1:])
	f.mu.Lock()
	defer f.mu.Unlock()
	switch packet[0] {
	case msgChannelOpened: // one of the server's
		if len(packet) >= 9 {
			ours := binary.BigEndian.Uint32(packet[5:])
			p := &passage{ours: ours, number: number, open: true}
			f.ours[ours], f.theirs[number] = p, p
			delete(f.gone, ours)
		}
	case msgChannelClose:
		if p := f.theirs[number]; p != nil {
			p.silent = true
			delete(f.theirs, number)
		}
	}
}

// request sends one of x/crypto's.
func (f *forgiving) request(packet []byte, send func([]byte) error) error {
	f.mu.Lock()
	p := f.theirs[binary.BigEndian.Uint32(packet[1:])]
	f.mu.Unlock()
	if p == nil || !wantsReply(packet) {
		return send(packet)
	}
	p.asking.Lock()
	defer p.asking.Unlock()
	f.mu.Lock()
	p.answers = append(p.answers, nil)
	f.mu.Unlock()
	return send(packet)
}

// wantsReply reads that of a request on a channel.
func wantsReply(packet []byte) bool {
	var m struct {
		Number uint32 `sshtype:"98"`
		Kind   string
		Want   bool
		Rest   []byte `ssh:"rest"`
	}
	return ssh.Unmarshal(packet, &m) == nil && m.Want
}

// incoming returns what becomes of a packet of the server's. It may be valid
// as long as packet.
func (f *forgiving) incoming(packet []byte) (first []byte, more [][]byte) {
	if packet[0] == msgChannelOpen {
		return opened(packet), nil
	}
	if packet[0] < msgChannelOpened || len(packet) < channelNumberBytes {
		return packet, nil
	}
	number := binary.BigEndian.Uint32(packet[1:])
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone[number] {
		return nil, nil
	}
	p := f.ours[number]
	switch packet[0] {
	case msgChannelData:
		return pieces(packet, 9)
	case msgExtendedData:
		return pieces(packet, 13)
	case msgChannelOpened:
		if len(packet) < 17 || p == nil || p.open {
			break
		}
		p.open, p.number = true, binary.BigEndian.Uint32(packet[5:])
		f.theirs[p.number] = p
		packet = slices.Clone(packet)
		fitPacketSize(packet[13:])
	case msgChannelRefused:
		delete(f.ours, number)
		return refusal(packet), nil
	case msgChannelClose:
		if p != nil {
			f.closeLocked(p)
			delete(f.ours, number)
		}
		f.gone[number] = true
	case msgChannelSuccess, msgChannelFailure:
		if p == nil || len(p.answers) == 0 {
			break // x/crypto drops it
		}
		answer := p.answers[0]
		p.answers = p.answers[1:]
		if answer != nil {
			answer <- packet[0] == msgChannelSuccess
			return nil, nil
		}
	}
	return packet, nil
}

func (f *forgiving) closeLocked(p *passage) {
	p.closed = true
	for _, answer := range p.answers {
		if answer != nil {
			close(answer)
		}
	}
	p.answers = nil
}

// end says that the connection has ended: no answer comes any more.
func (f *forgiving) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	for _, p := range f.ours {
		closed := p.closed
		f.closeLocked(p)
		p.closed = closed // by nobody
	}
}

// largest is what x/crypto takes, and what every server does.
const largest = 32 << 10

// pieces cuts data that are larger than x/crypto takes, though the window has
// room for them. The head is everything before the data.
func pieces(packet []byte, head int) (first []byte, more [][]byte) {
	if len(packet) <= head+largest {
		return packet, nil
	}
	if uint64(binary.BigEndian.Uint32(packet[head-4:])) != uint64(len(packet)-head) {
		return packet, nil // not for us to guess
	}
	for rest := packet[head:]; len(rest) > 0; {
		n := min(len(rest), largest)
		piece := append(make([]byte, 0, head+n), packet[:head-4]...)
		piece = binary.BigEndian.AppendUint32(piece, uint32(n))
		piece = append(piece, rest[:n]...)
		if rest = rest[n:]; first == nil {
			first = piece
		} else {
			more = append(more, piece)
		}
	}
	return first, more
}

// fitPacketSize makes a size of packets one that x/crypto takes for one. Every
// server takes 32 KiB (RFC 4253, 6.1), and none means what is too small for a
// packet of data: it has not set it.
func fitPacketSize(size []byte) {
	if n := binary.BigEndian.Uint32(size); n < 9 || n > largest {
		binary.BigEndian.PutUint32(size, largest)
	}
}

// opened does so for a channel that the server opens.
func opened(packet []byte) []byte {
	var m struct {
		Kind                   string `sshtype:"90"`
		Theirs, Window, Packet uint32
		Rest                   []byte `ssh:"rest"`
	}
	if ssh.Unmarshal(packet, &m) != nil || m.Packet >= 9 && m.Packet <= largest {
		return packet
	}
	m.Packet = largest
	return ssh.Marshal(&m)
}

// refusal completes one that lacks its last fields: servers of SSH's early years
// give no language, and some no text.
func refusal(packet []byte) []byte {
	if len(packet) < 9 {
		return packet
	}
	var m struct {
		Ours, Reason uint32 `sshtype:"92"`
		Text, Lang   string
	}
	m.Ours = binary.BigEndian.Uint32(packet[1:])
	m.Reason = binary.BigEndian.Uint32(packet[5:])
	m.Text, _ = leadingString(packet[9:])
	return ssh.Marshal(&m)
}

// leadingString reads a string and leaves alone what follows it.
func leadingString(b []byte) (s string, rest []byte) {
	if len(b) < 4 {
		return "", nil
	}
	n := binary.BigEndian.Uint32(b)
	if b = b[4:]; uint64(n) > uint64(len(b)) {
		return "", nil
	}
	return string(b[:n]), b[n:]
}

// refuse is the answer "no" to a packet of ours that the server does not know;
// nil when none is awaited.
func (f *forgiving) refuse(packet []byte) []byte {
	switch packet[0] {
	case msgGlobalRequest:
		if _, rest := leadingString(packet[1:]); len(rest) > 0 && rest[0] != 0 {
			return []byte{msgRequestRefused}
		}
	case msgChannelOpen:
		if _, rest := leadingString(packet[1:]); len(rest) >= 4 {
			return ssh.Marshal(&struct {
				Ours, Reason uint32 `sshtype:"92"`
				Text, Lang   string
			}{binary.BigEndian.Uint32(rest), uint32(ssh.UnknownChannelType), "not implemented", ""})
		}
	case msgChannelRequest:
		if len(packet) < channelNumberBytes || !wantsReply(packet) {
			return nil
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if p := f.theirs[binary.BigEndian.Uint32(packet[1:])]; p != nil {
			return binary.BigEndian.AppendUint32([]byte{msgChannelFailure}, p.ours)
		}
	}
	return nil
}

// Channel is what the channels of Mux can beyond those of x/crypto.
type Channel interface {
	ssh.Channel
	// Ask sends a request and does not wait for the reply, so that several cost
	// one round trip, and a server that never answers holds nothing up.
	Ask(kind string, payload []byte) (answer func() (bool, error), err error)
	// Closed tells whether the server has closed the channel, all of whose words
	// came before.
	Closed() bool
}

type channel struct {
	ssh.Channel
	b *bridge
	p *passage
}

// Ask is described at Channel.
func (c *channel) Ask(kind string, payload []byte) (func() (bool, error), error) {
	f := c.b.forgiving
	c.p.asking.Lock()
	defer c.p.asking.Unlock()
	answer := make(chan bool, 1)
	f.mu.Lock()
	over := c.p.silent || c.p.closed || f.ended
	if !over {
		c.p.answers = append(c.p.answers, answer)
	}
	f.mu.Unlock()
	if over {
		return nil, io.EOF
	}
	if err := c.b.c.WritePacket(ssh.Marshal(&struct {
		Number uint32 `sshtype:"98"`
		Kind   string
		Want   bool
		Rest   []byte `ssh:"rest"`
	}{c.p.number, kind, true, payload})); err != nil {
		return nil, err
	}
	return func() (bool, error) {
		ok, came := <-answer
		if !came {
			return false, io.EOF
		}
		return ok, nil
	}, nil
}

// Closed is described at Channel.
func (c *channel) Closed() bool {
	c.b.forgiving.mu.Lock()
	defer c.b.forgiving.mu.Unlock()
	return c.p.closed
}
