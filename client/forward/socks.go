package forward

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
)

// maxSOCKSName bounds the texts of SOCKS 4, which end only with a zero byte.
const maxSOCKSName = 1024

var errSOCKS = errors.New("malformed SOCKS request")

// verdict is the answer to a request.
type verdict byte

// The numbers are those of SOCKS 5.
const (
	granted   verdict = 0
	forbidden verdict = 2
	refused   verdict = 5
)

// negotiate reads a CONNECT of SOCKS 4, 4a or 5, which answer then answers. Not
// a byte beyond the request is read.
func negotiate(rw io.ReadWriter) (host string, port int, answer func(verdict) error, err error) {
	var version [1]byte
	if _, err := io.ReadFull(rw, version[:]); err != nil {
		return "", 0, nil, err
	}
	switch version[0] {
	case 4:
		host, port, err = socks4(rw)
		answer = func(v verdict) error {
			code := byte(90)
			if v != granted {
				code++
			}
			_, err := rw.Write([]byte{0, code, 0, 0, 0, 0, 0, 0})
			return err
		}
	case 5:
		host, port, err = socks5(rw)
		answer = func(v verdict) error {
			_, err := rw.Write([]byte{5, byte(v), 0, 1, 0, 0, 0, 0, 0, 0})
			return err
		}
	default:
		err = fmt.Errorf("%w: version %d", errSOCKS, version[0])
	}
	return host, port, answer, err
}

func socks4(r io.Reader) (string, int, error) {
	var h [7]byte // command, port, address
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return "", 0, err
	}
	if h[0] != 1 {
		return "", 0, fmt.Errorf("%w: command %d", errSOCKS, h[0])
	}
	if _, err := text(r); err != nil { // the user's name
		return "", 0, err
	}
	port := int(binary.BigEndian.Uint16(h[1:]))
	host := netip.AddrFrom4([4]byte(h[3:7])).String()
	if h[3] == 0 && h[4] == 0 && h[5] == 0 && h[6] != 0 { // 4a: a name follows
		var err error
		if host, err = text(r); err != nil {
			return "", 0, err
		}
		if host == "" {
			return "", 0, errSOCKS
		}
	}
	return host, port, nil
}

// text reads up to a zero byte.
func text(r io.Reader) (string, error) {
	var b [1]byte
	var s []byte
	for len(s) < maxSOCKSName {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return "", err
		}
		if b[0] == 0 {
			return string(s), nil
		}
		s = append(s, b[0])
	}
	return "", fmt.Errorf("%w: text without an end", errSOCKS)
}

func socks5(rw io.ReadWriter) (string, int, error) {
	methods, err := counted(rw)
	if err != nil {
		return "", 0, err
	}
	const none = 0 // no authentication
	found := false
	for _, m := range methods {
		found = found || m == none
	}
	if !found {
		rw.Write([]byte{5, 0xff})
		return "", 0, fmt.Errorf("%w: authentication wanted", errSOCKS)
	}
	if _, err := rw.Write([]byte{5, none}); err != nil {
		return "", 0, err
	}
	var h [4]byte // version, command, reserved, kind of address
	if _, err := io.ReadFull(rw, h[:]); err != nil {
		return "", 0, err
	}
	if h[0] != 5 || h[1] != 1 {
		return "", 0, fmt.Errorf("%w: command %d", errSOCKS, h[1])
	}
	host, err := socks5Address(rw, h[3])
	if err != nil {
		return "", 0, err
	}
	var port [2]byte
	if _, err := io.ReadFull(rw, port[:]); err != nil {
		return "", 0, err
	}
	return host, int(binary.BigEndian.Uint16(port[:])), nil
}

func socks5Address(r io.Reader, kind byte) (string, error) {
	switch kind {
	case 1:
		var a [4]byte
		_, err := io.ReadFull(r, a[:])
		return netip.AddrFrom4(a).String(), err
	case 3:
		name, err := counted(r)
		if err == nil && len(name) == 0 {
			err = errSOCKS
		}
		return string(name), err
	case 4:
		var a [16]byte
		_, err := io.ReadFull(r, a[:])
		return netip.AddrFrom16(a).String(), err
	}
	return "", fmt.Errorf("%w: address of kind %d", errSOCKS, kind)
}

// counted reads a byte n and then n bytes.
func counted(r io.Reader) ([]byte, error) {
	var n [1]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return nil, err
	}
	b := make([]byte, n[0])
	_, err := io.ReadFull(r, b)
	return b, err
}
