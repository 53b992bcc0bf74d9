package server

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/server/policy"
)

// TestIdleChannelsEnd as sshd ends them: no status, the program's terminal gone, the
// socket of a forward closed. All at once, so that each may have the time in which
// a program begins on a busy machine.
func TestIdleChannelsEnd(t *testing.T) {
	const idle = 4 * time.Second
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		t.Parallel()
		s := testService(t)
		s.policy.Timeouts = []policy.Timeout{
			{Pattern: "session:shell", After: time.Hour},
			{Pattern: "session:subsystem:*", After: time.Hour},
			{Pattern: "session:command", After: idle},
			{Pattern: "direct-tcpip", After: idle},
		}
		c := open(s)
		session := terminal(t, c)
		addr := echo(t, "tcp", "127.0.0.1:0").Addr().String()
		var all sync.WaitGroup
		all.Go(func() {
			session, err := c.NewSession()
			if err != nil {
				t.Error(err)
				return
			}
			session.StdinPipe() // stays open, so that the program waits
			err = session.Run("cat")
			if missing := new(ssh.ExitMissingError); !errors.As(err, &missing) {
				t.Errorf("a command without use ended with %v", err)
			}
		})
		file := inHome(s, "hup")
		all.Go(func() {
			if err := session.Run("trap 'echo > " + file + "; exit' HUP; while :; do sleep 0.1; done"); err == nil {
				t.Error("a command at a terminal ended well")
			}
		})
		all.Go(func() {
			began := time.Now()
			conn, err := c.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			io.WriteString(conn, "in use")
			got, err := io.ReadAll(conn)
			if took := time.Since(began); string(got) != "in use" || err != nil || took < idle {
				t.Errorf("a forward: %q, %v after %v", got, err, took)
			}
		})
		within(t, "the wait for what is idle", all.Wait)
		eventually(t, "the program to lose its terminal", func() bool {
			_, err := os.Stat(file)
			return err == nil
		})
	})
}

// TestUnusedConnectionEnds, though it listens for the client.
func TestUnusedConnectionEnds(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		s := testService(t)
		s.policy.Unused = time.Second
		c := open(s)
		c.Listen("tcp", "127.0.0.1:0") // unless the machine is so slow that it is too late already
		within(t, "a connection without channels", func() {
			// The path through ssh may end a moment before the words that say so.
			if err := c.Wait(); err != nil && err != io.EOF && !errors.Is(err, net.ErrClosed) {
				t.Errorf("ended with %v", err)
			}
		})
	})
}
