//go:build linux

package e2e_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// window is a client of X on the server, which watches a property of the screen
// here and prints it whenever it changes.
type window struct {
	w       *world
	display string
	step    int
	lines   chan string  // closed at the end of
	said    bytes.Buffer // stderr
}

func (w *world) window(ssh []string) traveller {
	w.t.Helper()
	x := &window{w: w, display: "DISPLAY=127.0.0.1:" + w.screen(), lines: make(chan string, 100)}
	x.sends() // xprop watches only what is there
	cmd := w.tssh(append(ssh, "-Y", "server", "exec xprop -spy -root -notype E2E")...)
	cmd.Env = append(cmd.Env, x.display)
	cmd.Stderr = &x.said
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	w.start(cmd)
	go func() {
		defer func() {
			cmd.Wait()
			close(x.lines)
		}()
		for r := bufio.NewReader(out); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			x.lines <- line
		}
	}()
	x.arrives()
	return x
}

// screen starts a server of X on the client and returns its number. It listens
// where no other world's does: they share the directory of its sockets.
func (w *world) screen() string {
	w.t.Helper()
	r, number, err := os.Pipe()
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	cmd := w.command("Xvfb", "-noreset", "-displayfd", "3", "-screen", "0", "640x480x24",
		"-ac", "-listen", "tcp", "-nolisten", "unix", "-nolisten", "local")
	cmd.ExtraFiles = []*os.File{number}
	w.start(cmd)
	go cmd.Wait()
	number.Close()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		w.t.Fatalf("Xvfb names no display: %v", err)
	}
	return strings.TrimSpace(line)
}

// text is what the property holds now: far more than an event.
func (x *window) text() string {
	random, _ := io.ReadAll(&stream{left: 20 << 10, state: uint64(x.step)})
	return fmt.Sprintf("%d %x", x.step, random)
}

func (x *window) sends() {
	x.w.t.Helper()
	x.step++
	set := x.w.command("xprop", "-root", "-f", "E2E", "8s", "-set", "E2E", x.text())
	set.Env = append(set.Env, x.display)
	if r := x.w.do(set); r.status != 0 {
		x.w.t.Fatalf("xprop: %+v", r)
	}
}

func (x *window) arrives() {
	x.w.t.Helper()
	want := fmt.Sprintf("E2E = %q\n", x.text())
	select {
	case line, ok := <-x.lines:
		if !ok {
			x.w.t.Fatalf("the client of X ended: %s", x.said.String())
		}
		if line != want {
			x.w.t.Fatalf("the client of X said %.60q (%d bytes), not %.60q (%d)", line, len(line), want, len(want))
		}
	case <-time.After(*patience):
		x.w.t.Fatalf("the client of X says nothing for %s", *patience)
	}
}

func (x *window) ends() {
	x.w.t.Helper()
	select {
	case line := <-x.lines:
		x.w.t.Errorf("the client of X said one thing too many: %.60q", line)
	default:
	}
}
