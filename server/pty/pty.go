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

// Size is how large a terminal is, in characters and, where known, in pixels.
type Size struct {
	Cols, Rows    uint32
	Width, Height uint32 // pixels; zero when unknown
}
