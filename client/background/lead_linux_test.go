package background

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ledDoes says, to this test as the one that works, what to do.
const ledDoes = "TSSH_TEST_DOES"

// TestLeaderDoesAsTheOneItWaitsFor runs itself twice over: as the one that waits,
// and as the one that works. Neither outlives the other but by Leave: the pipe
// ends only when both are gone.
func TestLeaderDoesAsTheOneItWaitsFor(t *testing.T) {
	if does := os.Getenv(ledDoes); does != "" {
		led := LedFromEnv()
		if !led.Any() {
			if code, ok := Lead(); ok {
				os.Exit(code)
			}
			os.Exit(99)
		}
		os.Exit(work(led, does))
	}
	for _, c := range []struct {
		does string
		tell unix.Signal // to the one that waits, once the other runs
		want string      // how that ends
		says string
	}{
		{does: "exit", want: "exit status 7"},
		{does: "die", want: "signal: killed"},
		{does: "wait", tell: unix.SIGTERM, want: "signal: terminated"},
		{does: "wait", tell: unix.SIGKILL, want: "signal: killed"},
		{does: "heed", tell: unix.SIGUSR1, want: "exit status 5", says: "told"},
		{does: "stop", want: "exit status 6", says: "continued"},
		{does: "write", want: "exit status 5", says: "told"},
		{does: "leave", want: "exit status 0", says: "left"},
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), ledDoes+"="+c.does)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		limit := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
		io.ReadFull(out, make([]byte, len("runs")))
		if c.tell != 0 {
			cmd.Process.Signal(c.tell)
		}
		if c.does == "stop" {
			becomes(true, func() string { return state(cmd.Process.Pid) })
			cmd.Process.Signal(unix.SIGCONT)
		}
		if c.does == "write" { // as long as we run
			halt(t, cmd.Process, out)
		}
		said, _ := io.ReadAll(out)
		cmd.Wait()
		limit.Stop()
		if got := cmd.ProcessState.String(); got != c.want || strings.Trim(string(said), ".") != c.says {
			t.Errorf("%s, told %v: %s, want %s; said %q, want %q", c.does, c.tell, got, c.want, said, c.says)
		}
	}
}

// halt stops the one that waits and sees that the other stops with it, and both go
// on, some times over.
func halt(t *testing.T, leader *os.Process, out io.Reader) {
	var lead [1]byte
	for range 3 {
		if _, err := io.ReadFull(out, lead[:]); err != nil {
			t.Fatal(err)
		}
		leader.Signal(unix.SIGSTOP)
		becomes(true, func() string { return childState(leader.Pid) })
		leader.Signal(unix.SIGCONT)
		becomes(false, func() string { return childState(leader.Pid) })
	}
	leader.Signal(unix.SIGUSR1)
}

// becomes waits until a process is stopped, or is not, or has ended.
func becomes(stopped bool, state func() string) {
	for s := state(); s != "" && !strings.Contains(s, ") Z ") && strings.Contains(s, ") T ") != stopped; s = state() {
		time.Sleep(10 * time.Millisecond)
	}
}

// childState is the state of the only child of pid.
func childState(pid int) string {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range all {
		stat, _ := os.ReadFile(name)
		if _, rest, ok := strings.Cut(string(stat), ") "); ok && strings.HasPrefix(rest[1:], fmt.Sprintf(" %d ", pid)) {
			return string(stat)
		}
	}
	return ""
}

func state(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return string(b)
}

func work(led Led, does string) int {
	told := make(chan os.Signal, 1)
	signal.Notify(told, unix.SIGUSR1, unix.SIGCONT)
	leader := os.Getppid()
	fmt.Print("runs")
	switch does {
	case "exit":
		return 7
	case "die":
		unix.Kill(os.Getpid(), unix.SIGKILL)
	case "write":
		w := led.Output(os.Stdout)
		for {
			select {
			case s := <-told:
				if s == unix.SIGUSR1 {
					os.Stdout.WriteString("told")
					return 5
				}
			case <-time.After(10 * time.Millisecond):
				w.Write([]byte("."))
			}
		}
	case "heed":
		<-told
		fmt.Print("told")
		return 5
	case "stop":
		unix.Kill(os.Getpid(), unix.SIGSTOP)
		<-told
		fmt.Print("continued")
		return 6
	case "leave":
		led.Leave()
		for os.Getppid() == leader {
			time.Sleep(10 * time.Millisecond)
		}
		fmt.Print("left")
		return 8 // nobody sees it
	}
	select {}
}
