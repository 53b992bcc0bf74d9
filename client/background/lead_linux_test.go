package background

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
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
			for !strings.Contains(state(cmd.Process.Pid), ") T ") {
				time.Sleep(10 * time.Millisecond)
			}
			cmd.Process.Signal(unix.SIGCONT)
		}
		said, _ := io.ReadAll(out)
		cmd.Wait()
		limit.Stop()
		if got := cmd.ProcessState.String(); got != c.want || string(said) != c.says {
			t.Errorf("%s, told %v: %s, want %s; said %q, want %q", c.does, c.tell, got, c.want, said, c.says)
		}
	}
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
