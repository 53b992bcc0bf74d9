package logins

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestProcTellsAll, of long command lines too, as an sshd's options stand anywhere.
func TestProcTellsAll(t *testing.T) {
	for _, n := range []int{0, 1 << 10, 16<<10 - 20, 16 << 10, 100 << 10} {
		cmd := exec.Command("sh", "-c", "echo; read x; exit", "sh", strings.Repeat("x", n))
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		out.Read(make([]byte, 1)) // or the kernel may not have its command line yet
		want, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/cmdline")
		if got := Proc(cmd.Process.Pid, "cmdline"); err != nil || got != string(want) || len(got) < n {
			t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
		}
		in.Close()
		cmd.Wait()
		if got := Proc(cmd.Process.Pid, "cmdline"); got != "" {
			t.Errorf("of one that has ended: %d bytes", len(got))
		}
	}
}
