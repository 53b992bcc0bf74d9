package path

import (
	"errors"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

const (
	batchSize = 8
	flowSize  = 32       // instead, once there was a flow
	trainSize = 64 << 10 // bytes that the kernel joins at most (GRO)
	oobSize   = 256

	// A flow of at least gatherFrom datagrams a millisecond is read once in the time that
	// was asked for: reading each as it comes wakes this process, the transport
	// and, by an acknowledgement of every second one, all of that at the sender too. A key
	// that comes in such a flow waits for as long at most. Above gatherTo there is always
	// more than one to be read, and the transport would get more at once than it takes:
	// quic-go drops what is beyond 256 unread.
	gatherFrom = 3
	gatherTo   = 32
	gaugeFor   = 5 * time.Millisecond
)

// batch reads as many datagrams as there are by one call.
type batch struct {
	gather atomic.Int64 // time.Duration

	conn     *ipv4.PacketConn
	messages []ipv4.Message
	here     int // messages that hold something,
	next     int // and the one to be returned next

	since time.Time // the gauge: of datagrams since then,
	seen  int       // so many
	busy  bool      // it was a flow to be gathered
}

// Gather is described at Gatherer.
func (s *socket) Gather(d time.Duration) { s.gather.Store(int64(d)) }

// fill reads, and waits for the first.
func (q *batch) fill(conn *net.UDPConn) error {
	if q.conn == nil {
		q.conn = ipv4.NewPacketConn(conn) // it reads of both families
		q.grow(batchSize)
	}
	if d := time.Duration(q.gather.Load()); q.busy && d > 0 {
		if q.here < len(q.messages) {
			time.Sleep(d)
		}
		q.grow(flowSize)
	}
	q.here, q.next = 0, 0
	n, err := q.conn.ReadBatch(q.messages, 0)
	if errors.Is(err, unix.ENOSYS) { // what plays a kernel may not have it
		n, err = 1, readOne(conn, &q.messages[0])
	}
	if err != nil {
		return err
	}
	q.here = n
	q.note(time.Now(), n)
	return nil
}

// grow makes room for so many messages at least.
func (q *batch) grow(n int) {
	for len(q.messages) < n {
		q.messages = append(q.messages, ipv4.Message{Buffers: [][]byte{make([]byte, trainSize)}, OOB: make([]byte, oobSize)})
	}
}

func readOne(conn *net.UDPConn, m *ipv4.Message) (err error) {
	var peer *net.UDPAddr
	m.N, m.NN, _, peer, err = conn.ReadMsgUDP(m.Buffers[0], m.OOB)
	m.Addr = peer
	return err
}

// note keeps the gauge.
func (q *batch) note(now time.Time, n int) {
	q.seen += n
	if d := now.Sub(q.since); d >= gaugeFor {
		inOne := q.seen * int(time.Millisecond) / int(d)
		q.busy = inOne >= gatherFrom && inOne <= gatherTo
		q.since, q.seen = now, 0
	}
}
