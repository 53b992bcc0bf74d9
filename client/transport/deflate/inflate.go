package deflate

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// Inflater decompresses a zlib stream packet by packet. compress/flate can't:
// OpenSSH ends each packet with a partial flush, which may stop in the middle
// of a byte, and compress/flate, at the end of its input, does not go on.
//
// It decodes step by step, a step being a block's header, a run of stored
// bytes, or one symbol with what belongs to it. A step that lacks input leaves
// no trace and is taken again when the next packet is there.
type Inflater struct {
	in   []byte // not decoded yet, but for the first at bits
	at   uint   // bits of in that are
	out  []byte // the last 32 KiB, then what this packet adds
	want int    // bytes of a stored block still to come

	begun     bool // the stream's header has been read
	inBlock   bool // of symbols
	last      bool
	lit, dist *huffman // of the block: one pair of the following

	// Made anew where they are: whoever sends nothing but headers of blocks costs
	// us no memory, and a few hundred steps for each.
	fixedLit, fixedDist, ownLit, ownDist, lengths huffman
}

var (
	errShort   = errors.New("compressed data end early")   // never changed
	errDeflate = errors.New("compressed data are invalid") // never changed
)

const window = 32 << 10

// maxPacket is what a packet may become, as one that comes uncompressed may be.
const maxPacket = 256 << 10

// Packet returns what a packet decompresses to, valid until the next call.
func (z *Inflater) Packet(in []byte) ([]byte, error) {
	z.in = append(z.in[z.at/8:], in...)
	z.at %= 8
	if len(z.out) > window {
		z.out = append(z.out[:0], z.out[len(z.out)-window:]...)
	}
	start := len(z.out)
	for {
		at := z.at
		err := z.step()
		if err == errShort {
			z.at = at
			return z.out[start:], nil
		}
		if err != nil {
			return nil, err
		}
		if len(z.out)-start > maxPacket { // a bomb
			return nil, errDeflate
		}
	}
}

func (z *Inflater) step() error {
	switch {
	case !z.begun:
		return z.header()
	case z.want > 0:
		return z.stored()
	case z.inBlock:
		return z.symbol()
	case z.last:
		if len(z.in)-int(z.at/8) > 8 { // what is at the end of a stream
			return errDeflate // and what follows it would be kept for ever
		}
		return errShort
	}
	return z.block()
}

// peek returns the next n bits, at most 32, zeros behind the end of input.
func (z *Inflater) peek(n uint) uint32 {
	var b [8]byte
	if i := int(z.at / 8); i < len(z.in) {
		copy(b[:], z.in[i:])
	}
	return uint32(binary.LittleEndian.Uint64(b[:])>>(z.at%8)) & uint32(1<<n-1)
}

func (z *Inflater) take(n uint) (uint32, error) {
	if z.at+n > uint(len(z.in))*8 {
		return 0, errShort
	}
	v := z.peek(n)
	z.at += n
	return v, nil
}

func (z *Inflater) header() error {
	h, err := z.take(16)
	if err != nil {
		return err
	}
	if method, check := h&0xf, (h&0xff)<<8|h>>8; method != 8 || check%31 != 0 || h>>13&1 != 0 {
		return errDeflate
	}
	z.begun = true
	return nil
}

// block reads a block's header.
func (z *Inflater) block() error {
	h, err := z.take(3)
	if err != nil {
		return err
	}
	switch h >> 1 {
	case 0:
		z.at = (z.at + 7) &^ 7
		n, err := z.take(32)
		if err != nil {
			return err
		}
		if n&0xffff != ^n>>16 {
			return errDeflate
		}
		z.want = int(n & 0xffff)
	case 1:
		z.fixed()
		z.lit, z.dist = &z.fixedLit, &z.fixedDist
		z.inBlock = true
	case 2:
		if err := z.codes(); err != nil {
			return err
		}
		z.lit, z.dist = &z.ownLit, &z.ownDist
		z.inBlock = true
	default:
		return errDeflate
	}
	z.last = h&1 == 1
	return nil
}

func (z *Inflater) stored() error {
	i := int(z.at / 8)
	n := min(z.want, len(z.in)-i)
	if n == 0 {
		return errShort
	}
	z.out = append(z.out, z.in[i:i+n]...)
	z.at += uint(n) * 8
	z.want -= n
	return nil
}

// fixed makes the codes that a block need not bring, once a stream.
func (z *Inflater) fixed() {
	if z.fixedLit.bits > 0 {
		return
	}
	var l [288]byte
	for i := range l {
		switch {
		case i < 144:
			l[i] = 8
		case i < 256:
			l[i] = 9
		case i < 280:
			l[i] = 7
		default:
			l[i] = 8
		}
	}
	var d [32]byte
	for i := range d {
		d[i] = 5
	}
	z.fixedLit.set(l[:])
	z.fixedDist.set(d[:])
}

// codes reads those that a block brings.
func (z *Inflater) codes() error {
	h, err := z.take(14)
	if err != nil {
		return err
	}
	nlit, ndist, ncode := int(h&31)+257, int(h>>5&31)+1, int(h>>10)+4
	var lengths [19]byte
	for _, i := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[:ncode] {
		v, err := z.take(3)
		if err != nil {
			return err
		}
		lengths[i] = byte(v)
	}
	if err := z.lengths.set(lengths[:]); err != nil {
		return err
	}
	var room [maxSymbols + 32 + 137]byte // the last repetition may go too far
	all := room[:0]
	for len(all) < nlit+ndist {
		s, err := z.lengths.read(z)
		if err != nil {
			return err
		}
		if s < 16 {
			all = append(all, byte(s))
			continue
		}
		repeat := [...]struct {
			bits uint
			base int
		}{{2, 3}, {3, 3}, {7, 11}}[s-16]
		n, err := z.take(repeat.bits)
		if err != nil {
			return err
		}
		var v byte
		if s == 16 {
			if len(all) == 0 {
				return errDeflate
			}
			v = all[len(all)-1]
		}
		for range int(n) + repeat.base {
			all = append(all, v)
		}
	}
	if len(all) > nlit+ndist {
		return errDeflate
	}
	if err := z.ownLit.set(all[:nlit]); err != nil {
		return err
	}
	return z.ownDist.set(all[nlit:])
}

// symbol decodes a byte, a repetition, or the end of the block.
func (z *Inflater) symbol() error {
	s, err := z.lit.read(z)
	if err != nil {
		return err
	}
	switch {
	case s < 256:
		z.out = append(z.out, byte(s))
		return nil
	case s == 256:
		z.inBlock = false
		return nil
	case s > 285:
		return errDeflate
	}
	length, extra := 258, uint(0)
	switch s -= 257; {
	case s < 8:
		length = s + 3
	case s < 28:
		extra = uint(s/4 - 1)
		length = (4+s%4)<<extra + 3
	}
	more, err := z.take(extra)
	if err != nil {
		return err
	}
	length += int(more)
	d, err := z.dist.read(z)
	if err != nil {
		return err
	}
	if d > 29 {
		return errDeflate
	}
	back := d + 1
	if d >= 4 {
		extra = uint(d/2 - 1)
		if more, err = z.take(extra); err != nil {
			return err
		}
		back = (2+d%2)<<extra + 1 + int(more)
	}
	if back > len(z.out) {
		return errDeflate
	}
	for range length {
		z.out = append(z.out, z.out[len(z.out)-back])
	}
	return nil
}

const (
	maxSymbols = 288 // of a code
	quickBits  = 9   // of the codes that are looked up at once
)

// huffman is a code. Short ones, which are most of what is read, are found in a
// table, the others bit by bit: a table for all would have 32768 entries, to be
// filled for each block, of which a packet may have one every few bytes.
type huffman struct {
	bits   uint                   // of the longest symbol
	quick  [1 << quickBits]uint16 // by the next bits, as many as its mask has: symbol<<4 | length; 0: none so short
	mask   uint32
	count  [16]uint16         // symbols of each length
	symbol [maxSymbols]uint16 // in the order of their codes
}

// set makes the canonical code of the lengths (RFC 1951, 3.2.2).
func (h *huffman) set(lengths []byte) error {
	h.bits, h.count = 0, [16]uint16{}
	for _, l := range lengths {
		if l > 0 {
			h.count[l]++
			h.bits = max(h.bits, uint(l))
		}
	}
	var next, at [16]uint16 // the next code of each length, and its place in symbol
	code := 0
	for l := 1; l < 16; l++ {
		code = (code + int(h.count[l-1])) << 1
		next[l], at[l] = uint16(code), at[l-1]+h.count[l-1]
		if code+int(h.count[l]) > 1<<l {
			return errDeflate // more codes than fit
		}
	}
	quick := h.quick[:1<<min(h.bits, quickBits)]
	h.mask = uint32(len(quick) - 1)
	clear(quick)
	for s, l := range lengths {
		if l == 0 {
			continue
		}
		h.symbol[at[l]] = uint16(s)
		at[l]++
		reversed := int(bits.Reverse16(next[l]) >> (16 - l))
		next[l]++
		if l > quickBits {
			continue
		}
		for i := reversed; i < len(quick); i += 1 << l {
			quick[i] = uint16(s)<<4 | uint16(l)
		}
	}
	return nil
}

func (h *huffman) read(z *Inflater) (int, error) {
	next := z.peek(15)
	symbol, length := h.find(next)
	left := uint(len(z.in))*8 - z.at
	switch {
	case length == 0 && left >= h.bits:
		return 0, errDeflate
	case length == 0 || length > left:
		return 0, errShort
	}
	z.at += length
	return symbol, nil
}

// find says which symbol the next bits begin with; of length 0: none.
func (h *huffman) find(next uint32) (symbol int, length uint) {
	if e := h.quick[next&h.mask]; e != 0 {
		return int(e >> 4), uint(e & 15)
	}
	code, first, at := 0, 0, 0 // of this length: what was read, the first code, its place
	for l := uint(1); l <= h.bits; l++ {
		code |= int(next & 1)
		next >>= 1
		n := int(h.count[l])
		if code-first < n {
			return int(h.symbol[at+code-first]), l
		}
		at += n
		first = (first + n) << 1
		code <<= 1
	}
	return 0, 0
}
