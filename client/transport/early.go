package transport

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/visible"
)

// early saves the round trip that opening a session waits for. A command is
// asked for by the number that the server gives the channel; OpenSSH's server
// gives the lowest free one, so the first is 0. So the first session is told
// at once that it is open, with no room to send data yet, and its requests
// follow its opening in the same flight.
//
//	undecided --first packet opens a session--> guessed --the answer--> settled
//	    '------- first packet is another ---------------------------------^
//
// When the server refuses after all, it has been asked for a command on a
// channel that it does not have, and ends the connection, for which it has
// little use without sessions.
type early struct {
	log func(format string, args ...any)

	answers chan []byte   // ours, to the opening; room for one
	packets chan arrival  // the server's, until settled
	gone    chan struct{} // closed when nobody reads on
	stop    sync.Once

	mu    sync.Mutex // guards what follows
	state earlyState
	ours  uint32 // our number of the channel
}

type earlyState int

const (
	undecided earlyState = iota
	guessed
	settled
)

// arrival is what the server sent, or why it sends no more.
type arrival struct {
	packet []byte
	err    error
}

const (
	msgChannelOpen    = 90
	msgChannelOpened  = 91
	msgChannelRefused = 92
	msgWindowAdjust   = 93
	msgChannelClose   = 97
)

// hostbound is an extension that OpenSSH's server has had since 8.9.
const hostbound = "publickey-hostbound@openssh.com"

// guessable reports whether the server numbers its channels as OpenSSH's does,
// and bears requests before its answer. Others call themselves OpenSSH too,
// and some of them (those on x/crypto) do not: what tells them apart is the
// extension, which only the real one has.
func (c *Conn) guessable() bool {
	_, has := c.extensions[hostbound]
	return has && strings.HasPrefix(c.serverVersion, "SSH-2.0-OpenSSH_")
}

// newEarly begins to read from c until the matter is settled.
func newEarly(c *Conn) *early {
	e := &early{log: c.log.Errorf, answers: make(chan []byte, 1), packets: make(chan arrival), gone: make(chan struct{})}
	go e.pump(c)
	return e
}

// pump reads for the mux, which must be woken by our own answer too.
func (e *early) pump(c *Conn) {
	defer close(e.packets)
	for {
		packet, err := c.ReadPacket()
		last := err != nil
		if err == nil {
			packet, last, err = e.translate(slices.Clone(packet))
		}
		select {
		case e.packets <- arrival{packet, err}:
		case <-e.gone:
			return
		}
		if last || err != nil {
			return
		}
	}
}

// sent sees the first packet that the mux sends.
func (e *early) sent(packet []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state != undecided {
		return
	}
	e.state = settled
	var open struct {
		Kind           string `sshtype:"90"`
		Ours           uint32
		Window, Packet uint32
		Rest           []byte `ssh:"rest"`
	}
	if packet[0] != msgChannelOpen || ssh.Unmarshal(packet, &open) != nil || open.Kind != "session" {
		return
	}
	e.state, e.ours = guessed, open.Ours
	e.answers <- ssh.Marshal(&struct {
		Ours           uint32 `sshtype:"91"`
		Theirs         uint32
		Window, Packet uint32
	}{open.Ours, 0, 0, sessionPacket})
}

// sessionPacket is the largest packet that OpenSSH's server takes in a session.
const sessionPacket = 32 << 10

// translate makes of the server's answer to the opening what the mux, which
// has one, can use. The second result says that the matter is settled.
func (e *early) translate(packet []byte) ([]byte, bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state != guessed {
		return packet, e.state == settled, nil
	}
	if packet[0] != msgChannelOpened && packet[0] != msgChannelRefused || len(packet) < 9 ||
		binary.BigEndian.Uint32(packet[1:]) != e.ours {
		return packet, false, nil
	}
	e.state = settled
	if packet[0] == msgChannelRefused {
		var m struct {
			Ours, Reason uint32 `sshtype:"92"`
			Text, Lang   string
		}
		if err := ssh.Unmarshal(packet, &m); err != nil {
			return nil, true, err
		}
		e.log("channel 0: open failed: %s: %s", reasonText(m.Reason), visible.Line(m.Text))
		return ssh.Marshal(&struct {
			Ours uint32 `sshtype:"97"`
		}{e.ours}), true, nil
	}
	var m struct {
		Ours           uint32 `sshtype:"91"`
		Theirs         uint32
		Window, Packet uint32
		Rest           []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(packet, &m); err != nil {
		return nil, true, err
	}
	if m.Theirs != 0 || m.Packet < sessionPacket {
		return nil, true, fmt.Errorf("server numbered its first channel %d, of %d bytes", m.Theirs, m.Packet)
	}
	return ssh.Marshal(&struct {
		Ours   uint32 `sshtype:"93"`
		Window uint32
	}{e.ours, m.Window}), true, nil
}

// reasonText is how ssh spells why a channel was refused.
func reasonText(reason uint32) string {
	texts := [...]string{"unknown reason", "administratively prohibited", "connect failed", "unknown channel type", "resource shortage"}
	if int(reason) < len(texts) {
		return texts[reason]
	}
	return texts[0]
}

// next returns the next packet for the mux; false when it may read directly.
func (e *early) next() (packet []byte, ok bool, err error) {
	select {
	case packet = <-e.answers:
		return packet, true, nil
	default:
	}
	select {
	case packet = <-e.answers:
		return packet, true, nil
	case a, more := <-e.packets:
		return a.packet, more, a.err
	}
}

// close lets the reading end.
func (e *early) close() { e.stop.Do(func() { close(e.gone) }) }
