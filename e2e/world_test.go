//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A world is a client, a server and a router between them, each a network
// namespace of its own:
//
//	client 10.83.1.2.. ----- 10.83.1.1 router 10.83.2.2 ----- 10.83.2.1 server
//	       fd83:1::2..       fd83:1::1        fd83:2::2       fd83:2::1
//
// Faults happen in the router, so that neither end is told.
type world struct {
	t   *testing.T
	dir string // files of this world

	client, router, server string // namespaces
	addr                   int    // the last part of the client's address
	sshd                   int    // the pid of the server's sshd
}

const (
	server4  = "10.83.2.1"
	server6  = "fd83:2::1"
	aliceUID = 20833
)

var worlds atomic.Int32 // gives each a name of its own

// needs skips a test without these programs, which fails where nothing may be missing.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err == nil {
			continue
		} else if os.Getenv("CI") == "true" {
			t.Fatal(err)
		} else {
			t.Skipf("SKIPPED, not tested at all: %v", err)
		}
	}
}

// newWorld starts sshd, with these lines in its configuration, in a world where
// all is well. It is gone at the end of
// the test, with every process in it.
func newWorld(t *testing.T, sshd ...string) *world {
	t.Helper()
	return newWorldWith(t, "", sshd...)
}

// newWorldWith runs commands in sshd's mounts before it.
func newWorldWith(t *testing.T, mounts string, sshd ...string) *world {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED, not tested at all: network namespaces need root")
	}
	if _, err := os.Stat("/proc/net/if_inet6"); err != nil {
		t.Skipf("SKIPPED, not tested at all: no IPv6: %v", err)
	}
	needs(t, "ip", "nft", "unshare", "/usr/sbin/sshd")
	name := fmt.Sprintf("tssh-e2e-%d-%d-", os.Getpid(), worlds.Add(1))
	w := &world{t: t, client: name + "c", router: name + "r", server: name + "s", addr: 2}
	w.dir = filepath.Join(built, name)
	if err := os.Mkdir(w.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.end)
	for _, ns := range []string{w.client, w.router, w.server} {
		w.must("ip", "netns", "add", ns)
	}
	w.must("ip", "-n", w.router, "link", "add", "c", "type", "veth", "peer", "name", "wan", "netns", w.client)
	w.must("ip", "-n", w.router, "link", "add", "s", "type", "veth", "peer", "name", "wan", "netns", w.server)
	for _, sysctl := range []string{"ipv4/ip_forward", "ipv6/conf/all/forwarding"} {
		w.within(w.router, func() error { return os.WriteFile("/proc/sys/net/"+sysctl, []byte("1"), 0o644) })
	}
	// An address of the client that goes must not take its successor along.
	w.within(w.client, func() error {
		return os.WriteFile("/proc/sys/net/ipv4/conf/all/promote_secondaries", []byte("1"), 0o644)
	})
	w.ip(w.router, "link set lo up", "link set c up", "link set s up",
		"addr add 10.83.1.1/24 dev c", "addr add fd83:1::1/64 dev c nodad",
		"addr add 10.83.2.2/24 dev s", "addr add fd83:2::2/64 dev s nodad")
	w.ip(w.server, "link set lo up", "link set wan up",
		"addr add "+server4+"/24 dev wan", "addr add "+server6+"/64 dev wan nodad",
		"route add default via 10.83.2.2", "-6 route add default via fd83:2::2")
	w.ip(w.client, "link set lo up", "link set wan up",
		"addr add 10.83.1.2/24 dev wan", "addr add fd83:1::2/64 dev wan nodad",
		"route add default via 10.83.1.1", "-6 route add default via fd83:1::1")
	w.startSSHD(mounts, strings.Join(sshd, "\n"))
	return w
}

// must runs a command that sets the scene.
func (w *world) must(name string, args ...string) {
	w.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		w.t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// ip runs several ip commands in one namespace.
func (w *world) ip(ns string, lines ...string) {
	w.t.Helper()
	for _, family := range []string{"-4", "-6"} {
		var batch strings.Builder
		for _, l := range lines {
			if rest, six := strings.CutPrefix(l, "-6 "); six == (family == "-6") {
				batch.WriteString(rest + "\n")
			}
		}
		cmd := exec.Command("ip", family, "-n", ns, "-batch", "-")
		if family == "-4" { // addresses name their own family
			cmd.Args = append(cmd.Args[:1], cmd.Args[2:]...)
		}
		cmd.Stdin = strings.NewReader(batch.String())
		if out, err := cmd.CombinedOutput(); err != nil {
			w.t.Fatalf("ip in %s: %q: %v: %s", ns, lines, err, out)
		}
	}
}

// within runs f on a thread that is in a namespace. Processes that f starts
// are born there.
func (w *world) within(ns string, f func() error) {
	w.t.Helper()
	failed := make(chan error)
	go func() {
		// Never unlocked: the thread is not used again and ends with this.
		runtime.LockOSThread()
		fd, err := unix.Open("/run/netns/"+ns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			err = unix.Setns(fd, unix.CLONE_NEWNET)
			unix.Close(fd)
		}
		if err == nil {
			err = f()
		}
		failed <- err
	}()
	if err := <-failed; err != nil {
		w.t.Fatalf("in %s: %v", ns, err)
	}
}

// processes lists the pids of a namespace.
func (w *world) processes(ns string) (pids []int) {
	var here unix.Stat_t
	if unix.Stat("/run/netns/"+ns, &here) != nil {
		return nil
	}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		var there unix.Stat_t
		if err != nil || pid == os.Getpid() || unix.Stat(fmt.Sprintf("/proc/%d/ns/net", pid), &there) != nil {
			continue
		}
		if there.Ino == here.Ino && there.Dev == here.Dev {
			pids = append(pids, pid)
		}
	}
	return pids
}

// ps tells what runs on the server, for whoever reads why a test failed.
func (w *world) ps() string {
	args := []string{"-o", "pid,ppid,stat,tty,wchan:20,args"}
	for _, pid := range w.processes(w.server) {
		args = append(args, strconv.Itoa(pid))
	}
	out, err := exec.Command("ps", args...).CombinedOutput()
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// tsshds lists the processes of ours on the server.
func (w *world) tsshds() (pids []int) {
	for _, pid := range w.processes(w.server) {
		exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		switch filepath.Base(strings.TrimSuffix(exe, " (deleted)")) {
		case "tssh", "tsshd":
			pids = append(pids, pid)
		}
	}
	return pids
}

func (w *world) end() {
	if w.t.Failed() {
		if log, err := os.ReadFile(filepath.Join(w.dir, "sshd.log")); err == nil && len(log) > 0 {
			w.t.Logf("sshd said:\n%s", log)
		}
	}
	for _, ns := range []string{w.client, w.server, w.router} {
		until(func() bool {
			pids := w.processes(ns)
			for _, pid := range pids {
				syscall.Kill(pid, syscall.SIGKILL)
			}
			return len(pids) == 0
		}, 10*time.Second)
		if err := exec.Command("ip", "netns", "del", ns).Run(); err != nil {
			w.t.Errorf("remove namespace %s: %v", ns, err)
		}
	}
	os.RemoveAll(w.dir)
}

// until polls a fact of the system that tells nobody when it becomes true: often
// at first, and not more than a tenth later than it is when that takes long.
func until(fact func() bool, limit time.Duration) bool {
	begun := time.Now()
	for !fact() {
		waited := time.Since(begun)
		if waited > limit {
			return false
		}
		time.Sleep(min(max(waited/10, 20*time.Millisecond), 100*time.Millisecond))
	}
	return true
}

// awaits fails the test when fact does not come true.
func (w *world) awaits(what string, fact func() bool) {
	w.t.Helper()
	if !until(fact, *patience) {
		w.t.Fatalf("%s: not within %s", what, *patience)
	}
}
