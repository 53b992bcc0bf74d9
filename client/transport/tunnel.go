package transport

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/tun"
)

// tunnels keeps the packets of tun devices whole. A message of such a channel is
// one packet, and an sshd that gets a piece of one ends the channel; but
// x/crypto's channels are streams: they join what they read and cut what they
// write where a window ends. So on their side of the bridge each packet has its
// length before it, as package tun has it, and here it is taken off and put on.
//
// The lengths count in the windows of x/crypto's end. OpenSSH's server counts
// them too in what it receives, though not in what it sends.
type tunnels struct {
	counts bool        // the server counts lengths in what it receives
	any    atomic.Bool // there was one: most connections need not look

	mu     sync.Mutex         // guards what follows
	ours   map[uint32]*tunnel // by our number, until the server closes it
	theirs map[uint32]*tunnel // by the server's, until we do
}

// maxUnderWay bounds what an sshd has not taken yet. It hands its device one
// packet a turn, and copies all that wait for each that comes: with its window of
// 2 MiB full of small packets it was busy for many seconds (OpenSSH 9.2). It must be
// more than three messages of 32 KiB, before which an sshd gives no window.
const maxUnderWay = 256 << 10

// tunnel is the channel of one device.
type tunnel struct {
	begun   []byte // a frame to the server that has not come whole
	largest int    // packet that the server takes
	grant   int64  // bytes that the next adjustment brings x/crypto besides
	room    int64  // bytes that x/crypto takes at most
	owed    int64  // bytes that the next adjustment brings the server besides
}

const msgChannelData = 94

// lengthSize is what stands before each packet.
const lengthSize = 4

func newTunnels(serverVersion string) *tunnels {
	return &tunnels{
		counts: strings.HasPrefix(serverVersion, "SSH-2.0-OpenSSH_"),
		ours:   map[uint32]*tunnel{}, theirs: map[uint32]*tunnel{},
	}
}

// outgoing sends what becomes of a packet of x/crypto's, which may be nothing.
func (t *tunnels) outgoing(packet []byte, send func([]byte) error) error {
	if packet[0] == msgChannelOpen {
		return send(t.opening(packet))
	}
	if !t.any.Load() || len(packet) < 9 && packet[0] != msgChannelClose || len(packet) < 5 {
		return send(packet)
	}
	number := binary.BigEndian.Uint32(packet[1:])
	var packets [][]byte
	var err error
	t.mu.Lock()
	u := t.theirs[number]
	switch {
	case u == nil:
		packets = [][]byte{packet}
	case packet[0] == msgChannelData:
		packets, err = u.whole(number, packet[9:], t.counts)
	case packet[0] == msgWindowAdjust:
		packets = u.adjust(number, int64(binary.BigEndian.Uint32(packet[5:])))
	case packet[0] == msgChannelClose:
		delete(t.theirs, number)
		packets = [][]byte{packet}
	default:
		packets = [][]byte{packet}
	}
	t.mu.Unlock()
	for _, p := range packets {
		if err := send(p); err != nil {
			return err
		}
	}
	return err
}

// opening notes a tunnel and takes from its window what the lengths will need:
// enough for packets of 12 bytes, and a header of IP alone is 20.
func (t *tunnels) opening(packet []byte) []byte {
	var open struct {
		Kind                 string `sshtype:"90"`
		Ours, Window, Packet uint32
		Rest                 []byte `ssh:"rest"`
	}
	if ssh.Unmarshal(packet, &open) != nil || open.Kind != tun.Kind || open.Packet < tun.MaxFrame {
		return packet
	}
	t.any.Store(true)
	t.mu.Lock()
	t.ours[open.Ours] = &tunnel{room: int64(open.Window)}
	t.mu.Unlock()
	open.Window -= open.Window / 4
	open.Packet = tun.MaxFrame
	return ssh.Marshal(&open)
}

// whole takes bytes of the stream and returns the messages that they complete.
func (u *tunnel) whole(number uint32, b []byte, counted bool) (messages [][]byte, err error) {
	u.begun = append(u.begun, b...)
	rest := u.begun
	for len(rest) >= lengthSize {
		n := int(binary.BigEndian.Uint32(rest))
		if n > tun.MaxFrame {
			return nil, fmt.Errorf("packet of %d bytes for a tunnel", n)
		}
		if len(rest) < lengthSize+n {
			break
		}
		if n <= u.largest {
			m := append(make([]byte, 0, 5+lengthSize+n), msgChannelData)
			m = binary.BigEndian.AppendUint32(m, number)
			messages = append(messages, append(m, rest[:lengthSize+n]...))
			if !counted {
				u.grant += lengthSize
			}
		} else {
			u.grant += int64(lengthSize + n) // it is lost, its window must not be
		}
		rest = rest[lengthSize+n:]
	}
	u.begun = append(u.begun[:0], rest...)
	return messages, nil
}

// adjust widens the server's window by what x/crypto has read, but for lengths.
func (u *tunnel) adjust(number uint32, n int64) [][]byte {
	u.room += n
	u.owed += n
	if u.owed <= 0 {
		return nil
	}
	m := binary.BigEndian.AppendUint32([]byte{msgWindowAdjust}, number)
	m = binary.BigEndian.AppendUint32(m, uint32(u.owed))
	u.owed = 0
	return [][]byte{m}
}

// incoming is what becomes of a packet of the server's; false: nothing.
func (t *tunnels) incoming(packet []byte) ([]byte, bool) {
	if !t.any.Load() || len(packet) < 5 {
		return packet, true
	}
	number := binary.BigEndian.Uint32(packet[1:])
	t.mu.Lock()
	defer t.mu.Unlock()
	u := t.ours[number]
	if u == nil {
		return packet, true
	}
	switch {
	case packet[0] == msgChannelOpened && len(packet) >= 17:
		u.largest = int(min(binary.BigEndian.Uint32(packet[13:]), tun.MaxFrame))
		t.theirs[binary.BigEndian.Uint32(packet[5:])] = u
		m := append([]byte(nil), packet...)
		binary.BigEndian.PutUint32(m[9:], min(binary.BigEndian.Uint32(packet[9:]), maxUnderWay))
		return m, true
	case packet[0] == msgChannelRefused, packet[0] == msgChannelClose:
		delete(t.ours, number)
	case packet[0] == msgWindowAdjust && len(packet) >= 9:
		n := int64(binary.BigEndian.Uint32(packet[5:])) + u.grant
		u.grant = 0
		m := append([]byte(nil), packet[:5]...)
		return binary.BigEndian.AppendUint32(m, uint32(min(n, 1<<31))), true
	case packet[0] == msgChannelData && len(packet) >= 9:
		return u.framed(packet)
	}
	return packet, true
}

// framed puts the length before a packet. One that x/crypto would take for a
// breach of the window is lost instead.
func (u *tunnel) framed(packet []byte) ([]byte, bool) {
	n := len(packet) - 9
	if uint64(binary.BigEndian.Uint32(packet[5:])) != uint64(n) || n > tun.MaxFrame || int64(n+lengthSize) > u.room {
		u.owed += int64(n)
		return nil, false
	}
	u.room -= int64(n + lengthSize)
	u.owed -= lengthSize
	m := append(make([]byte, 0, len(packet)+lengthSize), packet[:5]...)
	m = binary.BigEndian.AppendUint32(m, uint32(n+lengthSize))
	return append(m, packet[5:]...), true
}
