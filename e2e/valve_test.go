//go:build linux

package e2e_test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// valve stands between a program that copies a file and its session, and lets
// only so much of what the program says through: so it is in the middle of its
// work when the network changes, however fast or slow the machine is.
type valve struct {
	w        *world
	program  *exec.Cmd
	outcome  chan error // of the session
	from, to string
	dose     int64 // what it says for about a MiB
	before   int64 // of the copy was there when the last dose went

	mu     sync.Mutex // guards what follows
	left   int64
	opened *sync.Cond
	conn   net.Conn // the program
}

const copied = 6 << 20 // bytes, of which the four sends are a part

func (w *world) rsync(ssh []string) traveller {
	from, to := w.file("for-rsync", copied), filepath.Join(w.home(), "by-rsync")
	return w.valve("rsync", ssh, from, to, 1<<20, func(wrapper string) []string {
		return []string{"-W", "--inplace", "-e", wrapper, from, "server:by-rsync"}
	})
}

func (w *world) scp(ssh []string) traveller {
	from, to := w.file("for-scp", copied), filepath.Join(w.home(), "by-scp")
	return w.valve("scp", ssh, from, to, 1<<20, func(wrapper string) []string {
		return []string{"-S", wrapper, from, "server:by-scp"}
	})
}

// sftp gets a file, and each thing that it says is a question for 32 KiB.
func (w *world) sftp(ssh []string) traveller {
	from, to := filepath.Join(w.home(), "for-sftp"), filepath.Join(w.dir, "by-sftp")
	w.file("alice/for-sftp", copied)
	return w.valve("sftp", ssh, from, to, 1<<10, func(wrapper string) []string {
		return []string{"-q", "-B", "32768", "-S", wrapper, "server:for-sftp", "by-sftp"}
	})
}

func (w *world) valve(name string, ssh []string, from, to string, dose int64, args func(wrapper string) []string) traveller {
	w.t.Helper()
	socket := filepath.Join(w.dir, name+".sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		w.t.Fatal(err)
	}
	defer l.Close()
	wrapper := w.script("ssh-for-"+name, `printf '%s\n' "$@" >`+socket+".args\nexec socat -t 1 STDIO UNIX-CONNECT:"+socket)
	v := &valve{w: w, from: from, to: to, dose: dose, outcome: make(chan error, 1)}
	v.opened = sync.NewCond(&v.mu)
	v.program = w.command(name, args(wrapper)...)
	w.start(v.program)
	l.(*net.UnixListener).SetDeadline(time.Now().Add(*patience))
	if v.conn, err = l.Accept(); err != nil {
		w.t.Fatalf("%s does not run its ssh: %v", v.program, err)
	}
	words, err := os.ReadFile(socket + ".args")
	if err != nil {
		w.t.Fatal(err)
	}
	session := w.tssh(append(ssh, strings.Split(strings.TrimSpace(string(words)), "\n")...)...)
	session.Stdout = v.conn
	stdin, err := session.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	w.start(session)
	go func() {
		io.Copy(stdin, v)
		stdin.Close()
	}()
	go func() {
		v.outcome <- session.Wait()
		v.conn.Close()
	}()
	return v
}

// Read is the session's, of what the program says.
func (v *valve) Read(p []byte) (int, error) {
	v.mu.Lock()
	for v.left == 0 {
		v.opened.Wait()
	}
	most := min(int64(len(p)), v.left)
	v.mu.Unlock()
	n, err := v.conn.Read(p[:most])
	v.mu.Lock()
	defer v.mu.Unlock()
	v.left -= int64(n)
	return n, err
}

func (v *valve) lets(n int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.left += n
	v.opened.Signal()
}

func (v *valve) there() int64 {
	info, err := os.Stat(v.to)
	if err != nil {
		return 0
	}
	return info.Size()
}

func (v *valve) sends() {
	v.before = v.there()
	v.lets(v.dose)
}

func (v *valve) arrives() {
	v.w.t.Helper()
	v.w.awaits("more of what "+v.program.Args[0]+" copies", func() bool { return v.there() >= v.before+256<<10 })
	if v.there() >= copied {
		v.w.t.Errorf("%s is done already, and what follows tests nothing", v.program.Args[0])
	}
}

func (v *valve) ends() {
	v.w.t.Helper()
	v.lets(1 << 60)
	if err := v.program.Wait(); err != nil {
		v.w.t.Errorf("%s: %v", v.program, err)
	}
	if err := <-v.outcome; err != nil {
		v.w.t.Errorf("the session of %s: %v", v.program, err)
	}
	v.w.runs("cmp", v.from, v.to)
}
