//go:build linux

package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A traveller is a program in the middle of its work, with a session of its own.
type traveller interface {
	sends()   // puts something on its way and waits for nothing
	arrives() // waits until it is there
	ends()    // lets the program finish and compares what came of it
}

// TestProgramsTravel: what people run through ssh lives on through another
// address and a lost network, and loses nothing.
func TestProgramsTravel(t *testing.T) {
	for _, m := range transports() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "X11Forwarding yes")
			ssh := append([]string{placed()}, m.args...)
			all := []traveller{w.tunnels(ssh)}
			for _, c := range []struct {
				start func(ssh []string) traveller
				needs string
			}{
				{w.playbook, "ansible-playbook"},
				{w.window, "Xvfb xauth xprop"},
				{w.rsync, "rsync socat"},
				{w.scp, "scp socat"},
				{w.sftp, "sftp socat"},
			} {
				if w.has(c.needs) {
					all = append(all, c.start(ssh))
				}
			}
			every := func(do func(traveller)) {
				for _, one := range all {
					do(one)
				}
			}
			every(traveller.sends)
			every(traveller.arrives)

			t.Log("another address")
			w.roam()
			every(traveller.sends)
			every(traveller.arrives)

			t.Logf("no network for %s", *outage)
			w.fault(nothing)
			every(traveller.sends)
			time.Sleep(*outage) // the fault's length; it decides nothing
			w.fault("")
			every(traveller.arrives)

			t.Log("no network for a moment, and another address after it, with all under way")
			w.fault(nothing)
			every(traveller.sends)
			w.roam()
			time.Sleep(*outage / 4)
			w.fault("")
			every(traveller.arrives)

			every(traveller.ends)
		})
	}
}

// has tells whether programs are there. Where nothing may be missing, that one
// isn't is an error.
func (w *world) has(programs string) bool {
	w.t.Helper()
	for program := range strings.FieldsSeq(programs) {
		if _, err := exec.LookPath(program); err == nil {
			continue
		} else if os.Getenv("CI") == "true" {
			w.t.Errorf("%v", err)
		} else {
			w.t.Logf("SKIPPED, not tested at all: %v", err)
		}
		return false
	}
	return true
}

// tunnels are a local and a remote forward: through each runs a connection that
// stands all the time, and one more each time that something is sent.
type tunnels struct {
	w        *world
	standing []net.Conn
	fresh    []net.Conn
	step     int
}

func (w *world) tunnels(ssh []string) traveller {
	there, here := w.echo(w.server), w.echo(w.client)
	w.start(w.tssh(append(ssh, "-N", "-L", fmt.Sprintf("7001:127.0.0.1:%d", there),
		"-R", fmt.Sprintf("7002:127.0.0.1:%d", here), "server")...))
	return &tunnels{w: w, standing: []net.Conn{w.dial(w.client, 7001), w.dial(w.server, 7002)}}
}

// load is what each connection carries each time.
func (f *tunnels) load() io.Reader { return &stream{left: 512 << 10, state: uint64(100 + f.step)} }

func (f *tunnels) all() []net.Conn { return append(f.standing[:2:2], f.fresh...) }

func (f *tunnels) sends() {
	f.w.t.Helper()
	f.step++
	f.fresh = []net.Conn{f.w.dial(f.w.client, 7001), f.w.dial(f.w.server, 7002)}
	for _, c := range f.all() {
		c.SetDeadline(time.Now().Add(*patience + *outage))
		load := f.load()
		go io.Copy(c, load)
	}
}

func (f *tunnels) arrives() {
	f.w.t.Helper()
	want, _ := io.ReadAll(f.load())
	for i, c := range f.all() {
		got := make([]byte, len(want))
		if n, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
			f.w.t.Fatalf("connection %d of the forwards: %d bytes of %d came back, equal: %t, %v",
				i, n, len(want), bytes.Equal(got, want), err)
		}
	}
	for _, c := range f.fresh {
		c.Close()
	}
}

func (f *tunnels) ends() {
	f.w.t.Helper()
	for i, c := range f.standing {
		c.(*net.TCPConn).CloseWrite()
		if rest, err := io.ReadAll(c); err != nil || len(rest) != 0 {
			f.w.t.Errorf("connection %d of the forwards: after the end: %d bytes, %v", i, len(rest), err)
		}
	}
}

// playbook is an ansible run, of tasks that each wait until they may go on.
type playbook struct {
	w    *world
	cmd  *exec.Cmd
	out  *bytes.Buffer
	step int
}

func (w *world) playbook(ssh []string) traveller {
	wrapper := w.script("ssh-for-ansible", "exec "+shellLine(w.tssh(ssh...).Args)+` "$@"`)
	w.file("module-data", 200<<10)
	var play strings.Builder
	play.WriteString("- hosts: all\n  gather_facts: no\n  tasks:\n")
	for i := range 5 { // one more than there are sends
		fmt.Fprintf(&play, "  - raw: touch at.%d; until [ -e go.%[1]d ]; do sleep 0.05; done; echo through %[1]d\n"+
			"    register: said\n    failed_when: not 'through %[1]d' in said.stdout\n", i)
		if i == 2 { // let go while there is no network
			play.WriteString("  - copy: src=module-data dest=by-ansible\n")
		}
	}
	w.write("play.yml", play.String())
	w.write("hosts", "server ansible_python_interpreter=/usr/bin/python3\n")
	p := &playbook{w: w, cmd: w.command("ansible-playbook", "-i", "hosts", "play.yml"), out: &bytes.Buffer{}}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.Env = append(p.cmd.Env, "ANSIBLE_SSH_EXECUTABLE="+wrapper, "ANSIBLE_SFTP_EXTRA_ARGS=-S "+wrapper)
	w.start(p.cmd)
	return p
}

func (p *playbook) sends() {
	p.w.t.Helper()
	if err := os.WriteFile(filepath.Join(p.w.home(), fmt.Sprintf("go.%d", p.step)), nil, 0o644); err != nil {
		p.w.t.Fatal(err)
	}
	p.step++
}

func (p *playbook) arrives() {
	p.w.t.Helper()
	p.w.awaits(fmt.Sprintf("task %d of ansible's", p.step), func() bool {
		_, err := os.Stat(filepath.Join(p.w.home(), fmt.Sprintf("at.%d", p.step)))
		return err == nil
	})
}

func (p *playbook) ends() {
	p.w.t.Helper()
	p.sends()
	if err := p.cmd.Wait(); err != nil {
		p.w.t.Errorf("ansible: %v\n%s", err, p.out)
	}
	p.w.runs("cmp", "module-data", "alice/by-ansible")
}

// file puts a file that nothing is like into the world's directory.
func (w *world) file(name string, size int64) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	f, err := os.Create(path)
	if err == nil {
		_, err = io.Copy(f, &stream{left: size, state: uint64(len(name)) + 77})
		f.Close()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return path
}
