package channel

import (
	"encoding/binary"
	"errors"

	"golang.org/x/crypto/ssh"
)

// Messages of the connection layer (RFC 4254, section 9).
const (
	msgGlobalRequest  = 80
	msgRequestSuccess = 81
	msgRequestFailure = 82
	msgOpen           = 90
	msgConfirmation   = 91
	msgOpenFailure    = 92
	msgWindowAdjust   = 93
	msgData           = 94
	msgExtendedData   = 95
	msgEOF            = 96
	msgClose          = 97
	msgRequest        = 98
	msgSuccess        = 99
	msgFailure        = 100
)

// extendedStderr is the one type of extended data that there is.
const extendedStderr = 1

// known tells the messages of the connection layer (RFC 4250, 4.1.2).
func known(kind byte) bool {
	return kind >= msgGlobalRequest && kind <= msgRequestFailure || kind >= msgOpen && kind <= msgFailure
}

// errShort is a message that ends too early. Servers that are not OpenSSH's leave
// out last fields, so only what is needed must be there, and what follows it is
// passed over.
var errShort = errors.New("incomplete message")

// reader takes fields off a message. After the first that is not there everything
// is zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) take(n int) []byte {
	if r.err != nil || n > len(r.b) {
		r.err = errShort
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) number() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) bool() bool {
	b := r.take(1)
	return len(b) > 0 && b[0] != 0
}

func (r *reader) bytes() []byte {
	n := r.number()
	if uint64(n) > uint64(len(r.b)) {
		r.err = errShort
		return nil
	}
	return r.take(int(n))
}

func (r *reader) text() string { return string(r.bytes()) }

// builder is a message that is being made.
type builder []byte

func message(kind byte, size int) builder { return append(make(builder, 0, 1+size), kind) }

func (b builder) number(n uint32) builder { return binary.BigEndian.AppendUint32(b, n) }

func (b builder) text(s string) builder { return append(b.number(uint32(len(s))), s...) }

func (b builder) bytes(s []byte) builder { return append(b.number(uint32(len(s))), s...) }

func (b builder) bool(yes bool) builder {
	if yes {
		return append(b, 1)
	}
	return append(b, 0)
}

// request is one of the peer's, of a channel or global.
func (r *reader) request() (q *ssh.Request, wantReply bool) {
	kind := r.text()
	wantReply = r.bool()
	return &ssh.Request{Type: kind, Payload: append([]byte(nil), r.b...)}, wantReply
}
