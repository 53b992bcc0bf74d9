package hostile

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"
)

// Guest is a client of a master's control socket that sends what a test says.
type Guest struct {
	net.Conn
	t testing.TB
}

// Board connects to the socket at path and exchanges greetings.
func Board(t testing.TB, path string) *Guest {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(time.Minute)) // whatever hangs
	t.Cleanup(func() { c.Close() })
	p := &Guest{Conn: c, t: t}
	p.Say([]byte{0, 0, 0, 1, 0, 0, 0, 4})
	if hello := p.Hear(); !bytes.HasPrefix(hello, []byte{0, 0, 0, 1, 0, 0, 0, 4}) {
		t.Fatalf("the master greets with %q", hello)
	}
	return p
}

// Say sends a message, behind its length.
func (p *Guest) Say(message []byte) {
	p.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...))
}

// Hear returns the master's next message, nil when it hung up instead.
func (p *Guest) Hear() []byte {
	p.t.Helper()
	head := make([]byte, 4)
	if _, err := io.ReadFull(p, head); err != nil {
		if err, ok := err.(net.Error); ok && err.Timeout() {
			p.t.Error("the master neither answers nor hangs up")
		}
		return nil
	}
	n := binary.BigEndian.Uint32(head)
	if n > 1<<20 {
		p.t.Fatalf("a message of %d bytes", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(p, b); err != nil {
		return nil
	}
	return b
}

// Request is a message: its kind, a number and what the kind wants.
func Request(kind, number uint32, rest string) []byte {
	b := binary.BigEndian.AppendUint32(nil, kind)
	return append(binary.BigEndian.AppendUint32(b, number), rest...)
}
