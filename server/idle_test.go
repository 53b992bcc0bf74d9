package server

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/server/policy"
)

// TestIdleChannelsEnd as sshd ends them: no status, the program's terminal gone, the
// socket of a forward closed.
func TestIdleChannelsEnd(t *testing.T) {
	each(t, func(t *testing.T, open func(service) *ssh.Client) {
		s := testService(t)
		s.policy.Timeouts = []policy.Timeout{
			{Pattern: "session:shell", After: time.Hour},
			{Pattern: "session:subsystem:*", After: time.Hour},
			{Pattern: "session:command", After: 300 * time.Millisecond},
			{Pattern: "direct-tcpip", After: 300 * time.Millisecond},
		}
		c := open(s)
		within(t, "a command without use", func() {
			r := command(t, c, "sleep 3")
			if missing := new(ssh.ExitMissingError); !errors.As(r.exit, &missing) {
				t.Errorf("ended with %v", r.exit)
			}
		})
		within(t, "a command at a terminal", func() {
			session := terminal(t, c)
			file := inHome(s, "hup")
			if err := session.Run("trap 'echo > " + file + "; exit' HUP; while :; do sleep 0.1; done"); err == nil {
				t.Error("ended well")
			}
			eventually(t, "the program to lose its terminal", func() bool {
				_, err := os.Stat(file)
				return err == nil
			})
		})
		within(t, "a forward", func() {
			conn, err := c.Dial("tcp", echo(t, "tcp", "127.0.0.1:0").Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			says(t, conn, []byte("in use"))
			if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("read: %v", err)
			}
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
