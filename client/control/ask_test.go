//go:build unix

package control

import (
	"fmt"
	"slices"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
)

// TestMasterAsksForAllThatIsDone, and not for what only tells.
func TestMasterAsksForAllThatIsDone(t *testing.T) {
	var asked []string
	s := share(t, func(c *Config) {
		c.Confirm = func(q string) bool { asked = append(asked, q); return false }
		c.Info = func(string) []string { return []string{"fine"} }
	})
	f := config.Forward{BindPort: 2, Host: "h", Port: 3}
	s.forwards.open = []string{describe(Local, f)}
	for _, tt := range []struct {
		want string
		do   func(c *Client) error
	}{
		{"", func(c *Client) error { _, err := c.Check(); return err }},
		{"", func(c *Client) error { _, err := c.Info("connection"); return err }},
		{"Cancel local forward LOCALHOST:2 -> h:3 on somehost?", func(c *Client) error { return c.Cancel(Local, f) }},
		{"Open remote forward LOCALHOST:2 -> h:3 on somehost?", func(c *Client) error { _, err := c.Forward(Remote, f); return err }},
		{"Terminate shared connection to somehost? ", func(c *Client) error { return c.Exit() }},
		{"Disable further multiplexing on shared connection to somehost? ", func(c *Client) error { return c.Stop() }},
		{"Allow multiplex proxy connection?", func(*Client) error { _, _, _, err := Proxy(s.path); return err }},
	} {
		asked = nil
		c, err := Dial(s.path)
		if err != nil {
			t.Fatal(err)
		}
		err = tt.do(c)
		c.Close()
		if got := fmt.Sprint(asked); tt.want == "" && (err != nil || asked != nil) || tt.want != "" && (err == nil || got != "["+tt.want+"]") {
			t.Errorf("asked %q, want %q; %v", asked, tt.want, err)
		}
	}
	if _, _, _, err := Proxy(s.path); err == nil || err.Error() != "Master refused proxy request: Permission denied" {
		t.Errorf("refused proxy: %v", err)
	}
	if s.forwards.open == nil {
		t.Error("a forward was cancelled against the user's word")
	}
}

// TestGuestChangesNothingForOthers: the connection is not its own.
func TestGuestChangesNothingForOthers(t *testing.T) {
	s := share(t, nil)
	conn, chans, reqs, err := Proxy(s.path)
	if err != nil {
		t.Fatal(err)
	}
	c := ssh.NewClient(conn, chans, reqs)
	defer c.Close()
	for _, name := range []string{"no-more-sessions@openssh.com", "tcpip-forward", "cancel-tcpip-forward", "streamlocal-forward@openssh.com",
		"hostkeys-prove-00@openssh.com", "tssh-ends", "", "keepalive@openssh.com"} {
		ok, _, err := c.SendRequest(name, true, nil)
		if err != nil || ok != (name == "keepalive@openssh.com") {
			t.Errorf("%q: %v, %v", name, ok, err)
		}
	}
	s.server.mu.Lock()
	globals := slices.Clone(s.server.globals)
	s.server.mu.Unlock()
	if !slices.Equal(globals, []string{"keepalive@openssh.com"}) {
		t.Errorf("the server got %q", globals)
	}
	if status, out, _, err := runOver(t, s.path, "", GuestSession{Command: "echo still here"}); status != 0 || out != "still here\n" {
		t.Errorf("status %d, %q, %v", status, out, err)
	}
}
