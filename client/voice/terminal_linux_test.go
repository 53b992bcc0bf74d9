package voice

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"tssh/proxy/needs"
)

// asking is what a child of the test does in place of the tests.
const asking = "VOICE_TEST_ASKING"

// askInChild is the child: a program at its terminal that asks as often as its
// arguments are questions, or a shell that starts one.
func askInChild(what string) {
	if what == "shell" {
		shell()
		return
	}
	for _, q := range strings.Split(what, "|") {
		kind := Secret
		if strings.HasSuffix(q, "? ") {
			kind = Plain
		}
		answer, err := Ask(q, kind)
		fmt.Printf("<%s,%v>\r\n", answer, err)
	}
}

// shell starts a job in the foreground of its terminal; when that has stopped it
// looks at the terminal and continues the job.
func shell() {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asking+"=Password: |Again: ")
	cmd.Stdout = os.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Ctty: int(tty.Fd())}
	if err := cmd.Start(); err != nil {
		fmt.Println(err)
		return
	}
	for {
		var s syscall.WaitStatus
		if _, err := syscall.Wait4(cmd.Process.Pid, &s, syscall.WUNTRACED, nil); err != nil || !s.Stopped() {
			return
		}
		t, _ := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
		fmt.Printf("stopped, echo %v\r\n", t.Lflag&unix.ECHO != 0)
		unix.IoctlSetPointerInt(int(tty.Fd()), unix.TIOCSPGRP, cmd.Process.Pid)
		syscall.Kill(cmd.Process.Pid, syscall.SIGCONT)
	}
}

// person is who sits at a terminal at which a child asks.
type person struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	slave  *os.File
	seen   string
}

func sit(t *testing.T, what string, before string) *person {
	t.Helper()
	blocking, slave, err := pty.Open()
	needs.Nothing(t, err)
	// A deadline holds only for a file that was made without blocking.
	fd, err := unix.FcntlInt(blocking.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err := cmp.Or(err, unix.SetNonblock(fd, true), blocking.Close()); err != nil {
		t.Fatal(err)
	}
	master := os.NewFile(uintptr(fd), "terminal")
	p := &person{t: t, master: master, slave: slave, cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), asking+"="+what)
	for _, v := range []string{"DISPLAY", "WAYLAND_DISPLAY", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE"} {
		p.cmd.Env = append(p.cmd.Env, v+"=")
	}
	p.cmd.Stdout = slave // standard input is no terminal, as in a pipe
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 1}
	if before != "" { // its echo says that it has arrived, which takes a moment
		p.types(before)
		p.reads(strings.ReplaceAll(before, "\n", "\r\n"))
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { p.cmd.Process.Kill() })
	t.Cleanup(func() {
		late.Stop()
		p.cmd.Process.Kill()
		p.cmd.Wait()
		master.Close()
		slave.Close()
	})
	return p
}

func (p *person) types(s string) { p.master.WriteString(s) }

// reads reads on until s was seen.
func (p *person) reads(s string) {
	p.t.Helper()
	if err := p.master.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		p.t.Fatal(err)
	}
	for b := make([]byte, 1); ; {
		n, err := p.master.Read(b)
		if p.seen += string(b[:n]); n > 0 && strings.HasSuffix(p.seen, s) {
			return
		}
		if err != nil {
			p.t.Fatalf("%q was not seen in %q: %v", s, p.seen, err)
		}
	}
}

// echoes tells whether the terminal shows what is typed.
func (p *person) echoes() bool {
	t, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return t.Lflag&unix.ECHO != 0
}

func TestSecretIsNeverShown(t *testing.T) {
	for range 10 {
		p := sit(t, "Password: |Code: |User? ", "")
		for _, q := range []string{"Password: ", "Code: "} {
			p.reads(q)
			p.types("gehêim \b77\n") // at once
		}
		p.reads("User? ")
		p.types("shown\n")
		p.reads("<shown,<nil>>")
		if strings.Count(p.seen, "77") != 2 || strings.Count(p.seen, "<gehêim \b77,<nil>>") != 2 || !strings.Contains(p.seen, "User? shown") {
			t.Fatalf("seen: %q", p.seen)
		}
	}
}

// TestWhatWasTypedEarlierIsNoAnswer: whoever typed it did not see the question.
func TestWhatWasTypedEarlierIsNoAnswer(t *testing.T) {
	p := sit(t, "Password: ", "ls -l\n")
	p.reads("\rPassword: ")
	p.types("right\n")
	p.reads("<right,<nil>>")
}

func TestLongPasswords(t *testing.T) {
	p := sit(t, "Password: ", "")
	p.reads("Password: ")
	long := strings.Repeat("0123456789abcdef", 250) // a terminal's line is 4095
	p.types(long + "\n")
	p.reads("<" + long + ",<nil>>")
}

func TestEndOfInputIsTold(t *testing.T) {
	p := sit(t, "Password: |Again: ", "")
	p.reads("Password: ")
	p.types("\x04")
	p.reads("<,EOF>")
	p.reads("Again: ")
	p.types("what is typed counts\x04\x04")
	p.reads("<what is typed counts,<nil>>")
}

// TestWhateverEndsAQuestionLeavesTheEcho: and the parent sees what it was.
func TestWhateverEndsAQuestionLeavesTheEcho(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGALRM, syscall.SIGUSR1, syscall.SIGUSR2} {
		signal.Notify(make(chan os.Signal, 1), s) // as nohup started us, the child would ignore it
		defer signal.Reset(s)
		p := sit(t, "Password: ", "")
		p.reads("Password: ")
		if p.echoes() {
			t.Error("what is typed is shown")
		}
		switch s {
		case syscall.SIGINT:
			p.types("\x03")
		case syscall.SIGQUIT:
			p.types("\x1c")
		default:
			p.cmd.Process.Signal(s)
		}
		p.cmd.Wait()
		if w := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !w.Signaled() || w.Signal() != s {
			t.Errorf("%v: ended so: %v", s, p.cmd.ProcessState)
		}
		if !p.echoes() {
			t.Errorf("%v: the terminal's echo is off", s)
		}
	}
}

// TestStoppedQuestionIsAskedAgain: ^Z gives the shell its terminal back, each
// time, and fg asks again.
func TestStoppedQuestionIsAskedAgain(t *testing.T) {
	p := sit(t, "shell", "")
	for _, q := range []string{"Password: ", "Again: "} {
		p.reads(q)
		for range 3 {
			p.types("half\x1a")
			p.reads("stopped, echo true")
			p.reads("\r" + q)
		}
		p.types("whole\n")
		p.reads("<whole,<nil>>")
	}
	if strings.Contains(p.seen, "half") {
		t.Errorf("seen: %q", p.seen)
	}
}
