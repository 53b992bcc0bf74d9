package escape

import "bytes"

// Quiet passes on output that was kept, without what the terminal would answer
// to: the program that asked has its answer, or has long given up, and would
// read another one as typed. The zero value begins where no sequence is open.
type Quiet struct {
	seq  []byte // that has begun
	str  bool   // it is a string
	pass bool   // the string is longer than any question, and is passed on
}

// Append appends what remains of p to b. The beginning of a sequence is kept for
// the next call; Rest has it.
func (q *Quiet) Append(b, p []byte) []byte {
	for _, c := range p {
		switch {
		case len(q.seq) == 0 && c == 0x1b, len(q.seq) == 0 && c == 0xc2:
			q.seq = append(q.seq, c)
		case len(q.seq) == 0:
			if c != 5 { // ENQ
				b = append(b, c)
			}
		default:
			b = q.more(b, c)
		}
	}
	return b
}

// Rest is what has begun and is not complete.
func (q *Quiet) Rest() []byte { return q.seq }

func (q *Quiet) more(b []byte, c byte) []byte {
	before := q.seq[len(q.seq)-1]
	q.seq = append(q.seq, c)
	if q.str {
		switch {
		case c == 0x18 || c == 0x1a:
			return q.flush(b, true)
		case c == 7 && q.seq[1] == ']', before == 0x1b && c == '\\', before == 0xc2 && c == 0x9c:
			return q.flush(b, q.pass || !asksString(q.seq[1], q.seq[2:]))
		case before == 0x1b: // a new sequence ends it, which may be left out
			q.seq[len(q.seq)-1] = '\\'
			b = q.flush(b, q.pass || !asksString(q.seq[1], q.seq[2:]))
			q.seq = append(q.seq, 0x1b)
			return q.more(b, c)
		case len(q.seq) > MaxText:
			from := 2
			if !q.pass {
				from, q.pass = 0, true
			}
			b = append(b, q.seq[from:len(q.seq)-1]...)
			q.seq = append(q.seq[:2], c)
		}
		return b
	}
	if q.seq[0] == 0xc2 { // a control of one byte is ESC and another one
		if c < 0x20 || c == 0x7f { // no character: what is left out must not make it one
			q.seq = q.seq[:0]
			return q.Append(append(b, "\ufffd"...), []byte{c})
		}
		if c < 0x80 || c > 0x9f {
			return q.flush(b, true)
		}
		if len(q.seq) == 2 {
			q.seq = append(q.seq[:0], 0x1b, c-0x40)
			c -= 0x40
		}
	}
	switch {
	case c == 0x1b: // what came before it means nothing any more
		q.seq = append(q.seq[:0], c)
	case c == 0x18 || c == 0x1a:
		return q.flush(b, true)
	case c < 0x20: // works within a sequence
		q.seq = q.seq[:len(q.seq)-1]
		if c != 5 {
			b = append(b, c)
		}
	case len(q.seq) == 2 && bytes.IndexByte([]byte("]PX^_k"), c) >= 0:
		q.str = true
	case len(q.seq) == 2 && c == '[', c < 0x30 && q.seq[1] != '[':
	case q.seq[1] != '[':
		return q.flush(b, !(len(q.seq) == 2 && c == 'Z')) // DECID
	case c >= 0x40:
		return q.flush(b, !asks(q.seq[2:len(q.seq)-1], c))
	case len(q.seq) > MaxText:
		return q.flush(b, false)
	}
	return b
}

func (q *Quiet) flush(b []byte, wanted bool) []byte {
	switch {
	case q.pass:
		b = append(b, q.seq[2:]...)
	case wanted:
		b = append(b, q.seq...)
	}
	*q = Quiet{seq: q.seq[:0]}
	return b
}

// Key makes one number of a control sequence's mark, intermediate and final byte.
func Key(mark, inter, final byte) int { return int(mark)<<16 | int(inter)<<8 | int(final) }

// asks tells whether a control sequence is a question.
func asks(params []byte, final byte) bool {
	mark, inter := byte(0), byte(0)
	if len(params) > 0 && params[0] >= 0x3c {
		mark, params = params[0], params[1:]
	}
	if n := len(params); n > 0 && params[n-1] < 0x30 {
		inter, params = params[n-1], params[:n-1]
	}
	switch Key(mark, inter, final) {
	case Key(0, 0, 't'): // reports of the window
		first, _, _ := bytes.Cut(params, []byte{';'})
		return len(first) == 2 && (first[0] == '1' || string(first) == "20" || string(first) == "21")
	case Key(0, 0, 'c'), Key('>', 0, 'c'), Key('=', 0, 'c'), Key('?', 0, 'c'), Key(0, 0, 'n'), Key('?', 0, 'n'), Key(0, 0, 'x'),
		Key('?', 0, 'u'), Key(0, '$', 'p'), Key('?', '$', 'p'), Key('>', 0, 'q'), Key(0, '*', 'y'), Key(0, '$', 'w'), Key(0, '$', 'u'),
		Key(0, '&', 'u'), Key(0, '"', 'v'), Key('?', 0, 'S'), Key('?', 0, 'm'), Key('?', 0, 'g'), Key(0, '\'', '|'), Key(0, '+', 'x'),
		Key(0, '#', 'S'), Key(0, '#', 'R'), Key(0, '#', '|'):
		return true
	}
	return false
}

// asksString tells whether a string is a question, or a picture that is
// confirmed.
func asksString(kind byte, text []byte) bool {
	switch kind {
	case ']':
		return bytes.IndexByte(text, '?') >= 0 && !bytes.HasPrefix(text, []byte("8;")) && !bytes.HasPrefix(text, []byte("7;")) && !isTitle(text) ||
			bytes.HasPrefix(text, []byte("1337;Report")) || bytes.HasPrefix(text, []byte("1337;RequestUpload"))
	case 'P':
		return bytes.HasPrefix(text, []byte("$q")) || bytes.HasPrefix(text, []byte("+q")) || bytes.HasPrefix(text, []byte("1$q"))
	case '_':
		keys, _, _ := bytes.Cut(text, []byte{';'})
		return bytes.HasPrefix(text, []byte("G")) && (bytes.Contains(keys, []byte("i=")) || bytes.Contains(keys, []byte("I="))) &&
			!bytes.Contains(keys, []byte("q=2"))
	}
	return false
}

func isTitle(text []byte) bool {
	return len(text) > 1 && text[0] >= '0' && text[0] <= '2' && text[1] == ';'
}
