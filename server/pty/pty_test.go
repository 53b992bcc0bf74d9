//go:build unix

package pty

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// encode writes terminal modes as a client does.
func encode(pairs ...uint32) []byte {
	var b []byte
	for i := 0; i < len(pairs); i += 2 {
		b = append(b, byte(pairs[i]))
		b = binary.BigEndian.AppendUint32(b, pairs[i+1])
	}
	return append(b, 0)
}

// devices are the ways to wait for a terminal: most systems', and macOS's.
var devices = map[string]func(*os.File, int) (device, error){"poller": newPolled, "select": newSelected}

// run gives the output of a shell command on a terminal.
func run(t *testing.T, size Size, modes []byte, command string) string {
	t.Helper()
	return runOn(t, newPolled, size, modes, command)
}

func runOn(t *testing.T, wait func(*os.File, int) (device, error), size Size, modes []byte, command string) string {
	t.Helper()
	term, err := open(size, modes, wait)
	if err != nil {
		t.Fatal(err)
	}
	defer term.Close()
	cmd := exec.Command("/bin/sh", "-c", command)
	if err := term.Start(cmd); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(term)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestProgramSeesTerminal(t *testing.T) {
	out := run(t, Size{Cols: 97, Rows: 31}, nil, "tty; stty size; ps -o tty= -p $$; [ $$ = $(ps -o sid= -p $$) ] && echo leader")
	for _, want := range []string{"/dev/", "31 97\r\n", "leader\r\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("output %q lacks %q", out, want)
		}
	}
}

func TestModesOfTheClientsTerminal(t *testing.T) {
	modes := encode(
		1, 25, // VINTR ^Y
		3, undefined,
		36, 0, // ICRNL
		42, 1, // IUTF8
		53, 0, // ECHO
		72, 0, // ONLCR
		91, 1,
		99, 7, // nobody has it
		128, 9600, 129, 9600)
	out := run(t, Size{Cols: 80, Rows: 24}, modes, "stty -a")
	for _, want := range []string{"speed 9600", "intr = ^Y", "erase = <undef>", "-icrnl", "-echo ", "-onlcr", "cs8"} {
		if !strings.Contains(out, want) {
			t.Errorf("stty says %q, not %q", out, want)
		}
	}
	if strings.Contains(out, "\r\n") {
		t.Error("output was processed though the client has it off")
	}
}

func TestModesCutShort(t *testing.T) {
	whole := encode(1, 3, 2, 4)
	for n := range whole {
		if got := len(parseModes(whole[:n])); got != n/5 {
			t.Errorf("%d of %d bytes: %d modes", n, len(whole), got)
		}
	}
	if got := parseModes(append([]byte{160, 0, 0, 0, 0}, whole...)); got != nil {
		t.Errorf("read on past an unknown argument: %v", got)
	}
}

// TestTailOfOutput reads as late as can be: what a program wrote before it went must be there.
func TestTailOfOutput(t *testing.T) {
	for name, wait := range devices {
		for range 20 {
			tail(t, name, wait)
		}
	}
}

func tail(t *testing.T, name string, wait func(*os.File, int) (device, error)) {
	t.Helper()
	out := runOn(t, wait, Size{Cols: 80, Rows: 24}, nil, "i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done; printf end")
	if !strings.HasSuffix(out, "line 299\r\nend") {
		t.Fatalf("%s: output ends %q", name, out[max(0, len(out)-40):])
	}
}

// hasty is a terminal that says once that nobody has it open, and has output.
type hasty struct {
	device
	said bool
}

func (h *hasty) Read(p []byte) (int, error) {
	if !h.said {
		h.said = true
		return 0, &os.PathError{Op: "read", Path: "/dev/ptmx", Err: syscall.EIO}
	}
	return h.device.Read(p)
}

// TestOutputBehindItsEnd has a program write and go as Linux decides that nothing
// was written (1 of 200,000 times where a reader tries all the time).
func TestOutputBehindItsEnd(t *testing.T) {
	for name, wait := range devices {
		late := func(f *os.File, fd int) (device, error) {
			d, err := wait(f, fd)
			return &hasty{device: d}, err
		}
		term, err := open(Size{Cols: 80, Rows: 24}, nil, late)
		if err != nil {
			t.Fatal(err)
		}
		defer term.Close()
		cmd := exec.Command("/bin/echo", "all")
		if err := term.Start(cmd); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		if out, err := io.ReadAll(term); err != nil || string(out) != "all\r\n" {
			t.Errorf("%s: output is %q, %v", name, out, err)
		}
	}
}

func TestCloseEndsReadAndHangsUp(t *testing.T) {
	for name, wait := range devices {
		t.Run(name, func(t *testing.T) { closeEndsReadAndHangsUp(t, wait) })
	}
}

func closeEndsReadAndHangsUp(t *testing.T, wait func(*os.File, int) (device, error)) {
	term, err := open(Size{Cols: 80, Rows: 24}, nil, wait)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", "echo ready; exec sleep 1000")
	if err := term.Start(cmd); err != nil {
		t.Fatal(err)
	}
	ready, end := make(chan struct{}), make(chan error, 1)
	go func() {
		var all []byte
		b := make([]byte, 100)
		for {
			n, err := term.Read(b)
			if err != nil {
				end <- err
				return
			}
			if all = append(all, b[:n]...); bytes.HasSuffix(all, []byte("ready\r\n")) {
				close(ready)
			}
		}
	}()
	<-ready
	term.Close()
	if err := <-end; err == nil {
		t.Error("Read went on")
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: hangup" {
		t.Errorf("program ended with %v, not by a hangup", err)
	}
}

// TestBackgroundKeepsTerminal has a program that leaves another one behind.
func TestBackgroundKeepsTerminal(t *testing.T) {
	for name, wait := range devices {
		t.Run(name, func(t *testing.T) { backgroundKeepsTerminal(t, wait) })
	}
}

func backgroundKeepsTerminal(t *testing.T, wait func(*os.File, int) (device, error)) {
	term, err := open(Size{Cols: 80, Rows: 24}, nil, wait)
	if err != nil {
		t.Fatal(err)
	}
	defer term.Close()
	cmd := exec.Command("/bin/sh", "-c", "trap '' HUP; sleep 1000 & echo $!; head -c 2000 /dev/zero | tr '\\0' x; printf end")
	if err := term.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	term.Exited()
	out, err := io.ReadAll(term)
	if err != nil || !strings.HasSuffix(string(out), "xend") || len(out) < 2000 {
		t.Errorf("%v, %d bytes: %.20q", err, len(out), out)
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(strings.SplitN(string(out), "\r\n", 2)[0]))
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("the program in the background is not there: %v", err)
	}
}

// TestSelectedWaits: it neither spins nor reads what is not there, and what is
// typed while the program does not read waits too.
func TestSelectedWaits(t *testing.T) {
	term, err := open(Size{Cols: 80, Rows: 24}, encode(53, 0, 51, 0), newSelected) // neither echo nor lines
	if err != nil {
		t.Fatal(err)
	}
	defer term.Close()
	cmd := exec.Command("/bin/sh", "-c", "printf ready; read x; head -c 300000 | wc -c")
	if err := term.Start(cmd); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	n, err := term.Read(b)
	if err != nil || string(b[:n]) != "ready" {
		t.Fatalf("%q, %v", b[:n], err)
	}
	var before, after syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	got := make(chan string, 1)
	go func() {
		out, _ := io.ReadAll(term)
		got <- string(out)
	}()
	time.Sleep(300 * time.Millisecond)
	syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	if used := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano(); used > int64(200*time.Millisecond) {
		t.Errorf("%v of the processor were used for waiting", time.Duration(used))
	}
	if n, err := term.Write(append([]byte("\n"), bytes.Repeat([]byte("x"), 300000)...)); n != 300001 || err != nil {
		t.Fatalf("wrote %d, %v", n, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	term.Exited()
	if out := <-got; !strings.Contains(out, "300000") {
		t.Errorf("it read %q", out)
	}
}

// FuzzModes applies what any client may send to a real terminal.
func FuzzModes(f *testing.F) {
	f.Add(encode(1, 3, 53, 1, 128, 38400))
	term, err := Open(Size{Cols: 80, Rows: 24}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { term.Close() })
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := setModes(int(term.TTY().Fd()), parseModes(b)); err != nil {
			t.Errorf("%x: %v", b, err)
		}
	})
}

// A client hangs up at any moment: a program that starts meanwhile has this
// terminal or is not started at all.
func TestHangUpWhileAProgramStarts(t *testing.T) {
	for range 50 {
		term, err := Open(Size{80, 24, 0, 0}, nil)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			term.Close()
		}()
		cmd := exec.Command("true")
		if err := term.Start(cmd); err == nil {
			cmd.Wait()
		}
		if err := term.Start(exec.Command("true")); err == nil {
			t.Error("a program was started on a terminal that is gone")
		}
		<-done
	}
}
