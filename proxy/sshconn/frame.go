package sshconn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Types of frames, as drawn in the package comment.
const (
	frameConfirm = 'C'
	frameReject  = 'R'
	frameData    = 'd'
	frameStderr  = 'e'
	frameWindow  = 'w'
	frameGrowth  = 'g'
	frameStarved = 's'
	framePrompt  = 'p'
	frameRequest = 'q'
	frameSuccess = 'y'
	frameFailure = 'n'
	frameEOF     = 'E'
	frameClose   = 'X'
	frameMove    = 'm'
)

const (
	headSize = 4
	maxData  = 32 << 10  // of data and stderr
	maxFrame = 256 << 10 // of everything else, as OpenSSH's packets
)

// errMalformed is the end of a peer that does not follow the package comment.
var errMalformed = errors.New("malformed frame")

// head is the fixed part of a frame.
type head struct {
	kind byte
	size int
}

// readHead refuses a length that the kind of frame can't have. At the end of the stream it is io.EOF.
func readHead(r io.Reader) (head, error) {
	var b [headSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return head{}, err
	}
	h := head{b[0], int(b[1])<<16 | int(b[2])<<8 | int(b[3])}
	least, most := 0, 0
	switch h.kind {
	case frameConfirm, frameStarved, framePrompt, frameEOF, frameClose:
	case frameData, frameStderr:
		most = maxData
	case frameWindow, frameGrowth:
		least, most = 4, 4
	case frameMove:
		least, most = 8, 8
	case frameReject:
		least, most = 4, maxData
	case frameRequest:
		least, most = 3, maxFrame
	case frameSuccess, frameFailure:
		most = maxFrame
	default:
		return head{}, fmt.Errorf("%w: type %#x", errMalformed, h.kind)
	}
	if h.size < least || h.size > most {
		return head{}, fmt.Errorf("%w: %q of %d bytes", errMalformed, h.kind, h.size)
	}
	return h, nil
}

func putHead(b []byte, kind byte, size int) {
	b[0], b[1], b[2], b[3] = kind, byte(size>>16), byte(size>>8), byte(size)
}

// whole makes an end within a frame an error that can't be taken for a good end.
func whole(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// opening is what a stream starts with.
type opening struct {
	kind  string
	extra []byte
	after uint32
}

func (o opening) append(b []byte) ([]byte, error) {
	if len(o.kind) > 255 || len(o.extra) > maxExtra {
		return nil, fmt.Errorf("open channel: type of %d and data of %d bytes are too long", len(o.kind), len(o.extra))
	}
	b = append(b, byte(len(o.kind)))
	b = append(b, o.kind...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(o.extra)))
	b = append(b, o.extra...)
	return binary.BigEndian.AppendUint32(b, o.after), nil
}

func readOpening(r io.Reader) (opening, error) {
	var b [255]byte
	if _, err := io.ReadFull(r, b[:1]); err != nil {
		return opening{}, err
	}
	kind := b[:b[0]]
	if _, err := io.ReadFull(r, kind); err != nil {
		return opening{}, whole(err)
	}
	o := opening{kind: string(kind)}
	if _, err := io.ReadFull(r, b[:4]); err != nil {
		return opening{}, whole(err)
	}
	n := binary.BigEndian.Uint32(b[:4])
	if n > maxExtra {
		return opening{}, fmt.Errorf("%w: opening with %d bytes of data", errMalformed, n)
	}
	var err error
	if o.extra, err = readBytes(r, int(n), nil); err != nil {
		return opening{}, err
	}
	if _, err := io.ReadFull(r, b[:4]); err != nil {
		return opening{}, whole(err)
	}
	o.after = binary.BigEndian.Uint32(b[:4])
	return o, nil
}

// appendRequest makes the body of a request frame.
func appendRequest(b []byte, kind string, wantReply bool, payload []byte) ([]byte, error) {
	if len(kind) > 0xffff || 3+len(kind)+len(payload) > maxFrame {
		return nil, fmt.Errorf("request of %d bytes is too long", len(kind)+len(payload))
	}
	want := byte(0)
	if wantReply {
		want = 1
	}
	b = append(b, want)
	b = binary.BigEndian.AppendUint16(b, uint16(len(kind)))
	b = append(b, kind...)
	return append(b, payload...), nil
}

// parseRequest takes b apart; the payload stays in b.
func parseRequest(b []byte) (*Request, error) {
	if len(b) < 3 || b[0] > 1 {
		return nil, fmt.Errorf("%w: request", errMalformed)
	}
	n := int(binary.BigEndian.Uint16(b[1:]))
	if len(b) < 3+n {
		return nil, fmt.Errorf("%w: request", errMalformed)
	}
	return &Request{WantReply: b[0] == 1, Type: string(b[3 : 3+n]), Payload: b[3+n:]}, nil
}
