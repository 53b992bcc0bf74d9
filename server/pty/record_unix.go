//go:build unix

package pty

import (
	"os"
	"syscall"
	"time"
)

// recorders are where libutempter puts its program, which writes utmp and wtmp for
// those who may not. It takes a terminal's master on its stdin, believes nothing
// but that the terminal is its caller's, and reads the host alone from its words.
var recorders = []string{
	"/usr/lib/utempter/utempter", "/usr/libexec/utempter/utempter", "/usr/local/libexec/utempter/utempter",
	"/usr/lib/x86_64-linux-gnu/utempter/utempter", "/usr/lib/aarch64-linux-gnu/utempter/utempter",
	"/usr/lib/arm-linux-gnueabihf/utempter/utempter", "/usr/lib/i386-linux-gnu/utempter/utempter",
	"/usr/lib/riscv64-linux-gnu/utempter/utempter", "/usr/lib/powerpc64le-linux-gnu/utempter/utempter",
	"/usr/lib/s390x-linux-gnu/utempter/utempter",
}

// recordWait is how long a record may take. Nobody waits longer for who(1).
const recordWait = time.Second

// Record shows the terminal to who(1) and last(1), as of a login from host, until
// Forget. Where the system has no way for that it does nothing.
func (t *Terminal) Record(host string) {
	t.recording.Lock()
	defer t.recording.Unlock()
	if t.closed {
		return
	}
	for _, path := range recorders {
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			continue
		}
		if t.record(path, "add", host) {
			t.recorder = path
		}
		return
	}
}

// Forget takes the record away, and lets no other be made. Close does it, too.
func (t *Terminal) Forget() {
	t.recording.Lock()
	defer t.recording.Unlock()
	t.closed = true
	if t.recorder != "" {
		t.record(t.recorder, "del")
		t.recorder = ""
	}
}

// record runs the recorder to its end. The descriptor is handed on as it is: os/exec
// would make it, and so ours, a blocking one.
func (t *Terminal) record(path string, words ...string) (done bool) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return false
	}
	defer null.Close()
	var pid int
	err = t.control(func(fd int) error {
		pid, err = syscall.ForkExec(path, append([]string{"utempter"}, words...),
			&syscall.ProcAttr{Dir: "/", Env: []string{}, Files: []uintptr{uintptr(fd), uintptr(fd), null.Fd()}})
		return err
	})
	if err != nil {
		return false
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	overdue := time.AfterFunc(recordWait, func() { p.Kill() })
	defer overdue.Stop()
	state, err := p.Wait()
	return err == nil && state.Success()
}
