// Package pty gives a program a terminal of its own: a pseudo-terminal on Unix,
// a pseudo-console on Windows.
//
//	t, err := pty.Open(pty.Size{Cols: 80, Rows: 24}, modes)
//	err = t.Start(cmd)     // cmd gets the terminal, a session and a process group
//	io.Copy(client, t)     // ends when the program has gone and all it wrote was read
//	err = cmd.Wait()
//	t.Close()              // hangs up: the kernel sends SIGHUP to who is in the foreground
//
// Close may be called at any time and ends a Read and a Write under way.
package pty

import "encoding/binary"

// Size is how large a terminal is, in characters and, where known, in pixels.
type Size struct {
	Cols, Rows    uint32
	Width, Height uint32 // pixels; zero when unknown
}

// clamp fits a number from the network into what the kernel keeps. sshd cuts
// the upper bits off; a terminal of 65536 columns would then have none.
func clamp(n uint32) uint16 {
	return uint16(min(n, 0xffff))
}

// mode is one terminal mode of RFC 4254 section 8.
type mode struct {
	opcode byte
	value  uint32
}

// parseModes reads encoded terminal modes. It stops, as RFC 4254 says, at
// opcode 0 and at the opcodes from 160 on, whose arguments nobody knows, and at
// an argument cut short.
func parseModes(b []byte) []mode {
	var modes []mode
	for len(b) >= 5 && b[0] != 0 && b[0] < 160 {
		modes = append(modes, mode{b[0], binary.BigEndian.Uint32(b[1:])})
		b = b[5:]
	}
	return modes
}
