//go:build unix

package forward

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/sshconn"
	"tssh/server/policy"
)

// fake is a client at the other end of a connection that carries nothing.
type fake struct {
	sshconn.Server
}

func (f *fake) request(fw *Forwarder, kind string, payload []byte) (ok, taken bool) {
	answer := make(chan bool, 1)
	taken = fw.Request(sshconn.NewRequest(kind, true, payload, func(ok bool, _ []byte) error {
		answer <- ok
		return nil
	}))
	if !taken {
		return false, false
	}
	return <-answer, true
}

// TestWhoMayConnect follows the table of sshd's rules for GatewayPorts.
func TestWhoMayConnect(t *testing.T) {
	local, all := []string{"127.0.0.1", "::1"}, []string{"0.0.0.0", "::"}
	for _, test := range []struct {
		asked   string
		gateway policy.Gateway
		want    []string
	}{
		{"", policy.GatewayNo, local},
		{"*", policy.GatewayNo, local},
		{"0.0.0.0", policy.GatewayNo, local},
		{"192.0.2.1", policy.GatewayNo, local},
		{"localhost", policy.GatewayNo, local},
		{"127.0.0.1", policy.GatewayNo, []string{"127.0.0.1"}},
		{"::1", policy.GatewayNo, []string{"::1"}},
		{"localhost", policy.GatewayYes, all},
		{"127.0.0.1", policy.GatewayYes, all},
		{"", policy.GatewayClient, all},
		{"*", policy.GatewayClient, all},
		{"localhost", policy.GatewayClient, local},
		{"192.0.2.1", policy.GatewayClient, []string{"192.0.2.1"}},
	} {
		if got := hosts(test.asked, test.gateway); !slices.Equal(got, test.want) {
			t.Errorf("%q with GatewayPorts %s: %q, not %q", test.asked, test.gateway, got, test.want)
		}
	}
}

// TestWords are those that users of ssh know.
func TestWords(t *testing.T) {
	for want, err := range map[string]error{
		"Connection refused":        &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)},
		"No route to host":          syscall.EHOSTUNREACH,
		"Name or service not known": &net.OpError{Err: &net.DNSError{Name: "x"}},
		"odd":                       errors.New("odd"),
	} {
		if got := why(err); got != want {
			t.Errorf("%v is %q, not %q", err, got, want)
		}
	}
}

func TestAbstractSocketsHaveNoOwner(t *testing.T) {
	for path, want := range map[string]bool{"/tmp/x": true, "x": true, "": false, "@x": false, "\x00x": false, "a\x00b": false} {
		if validPath(path) != want {
			t.Errorf("%q", path)
		}
	}
}

func TestListenAndCancel(t *testing.T) {
	p := policy.Careful()
	f, client := New(&fake{}, p, nil), &fake{}
	path := t.TempDir() + "/sock"
	listen := ssh.Marshal(struct{ Path string }{path})
	for _, step := range []struct {
		kind string
		want bool
	}{
		{"streamlocal-forward@openssh.com", true},
		{"streamlocal-forward@openssh.com", false}, // taken
		{"cancel-streamlocal-forward@openssh.com", true},
		{"cancel-streamlocal-forward@openssh.com", false},
		{"streamlocal-forward@openssh.com", true},
	} {
		if ok, taken := client.request(f, step.kind, listen); ok != step.want || !taken {
			t.Errorf("%s: %v", step.kind, ok)
		}
	}
	if _, taken := client.request(f, "nosuch", nil); taken {
		t.Error("took a request of another's")
	}
	f.Close()
	f.Close()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left behind: %v", path, err)
	}
	if ok, _ := client.request(f, "streamlocal-forward@openssh.com", listen); ok {
		t.Error("listens after Close")
	}
	if _, err := f.Agent(); err == nil {
		t.Error("has an agent after Close")
	}
}

// TestUnlisten: a client that leaves has its ports no more, and gets no others.
func TestUnlisten(t *testing.T) {
	f, client := New(&fake{}, policy.Careful(), nil), &fake{}
	defer f.Close()
	path := t.TempDir() + "/sock"
	listen := ssh.Marshal(struct{ Path string }{path})
	if ok, _ := client.request(f, "streamlocal-forward@openssh.com", listen); !ok {
		t.Fatal("does not listen")
	}
	socket, err := f.Agent()
	if err != nil {
		t.Fatal(err)
	}
	f.Unlisten()
	for _, name := range []string{path, socket} {
		if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left behind: %v", name, err)
		}
	}
	if ok, _ := client.request(f, "streamlocal-forward@openssh.com", listen); ok {
		t.Error("listens for a client that leaves")
	}
	f.Unlisten()
}

// TestUnlink removes an old socket where sshd_config says so, and nothing else ever.
func TestUnlink(t *testing.T) {
	dir := t.TempDir()
	p := policy.Careful()
	p.UnixUnlink = true
	f, client := New(&fake{}, p, nil), &fake{}
	defer f.Close()
	old, err := net.Listen("unix", dir+"/old")
	if err != nil {
		t.Fatal(err)
	}
	old.(*net.UnixListener).SetUnlinkOnClose(false)
	old.Close()
	if err := os.WriteFile(dir+"/file", []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"old": true, "file": false} {
		ok, _ := client.request(f, "streamlocal-forward@openssh.com", ssh.Marshal(struct{ Path string }{dir + "/" + name}))
		if ok != want {
			t.Errorf("%s: %v", name, ok)
		}
	}
	if b, _ := os.ReadFile(dir + "/file"); string(b) != "precious" {
		t.Errorf("a file was removed: %q", b)
	}
}

// TestNameOfAnotherIsLeft: a session that ends late removes no socket but its own.
func TestNameOfAnotherIsLeft(t *testing.T) {
	p := policy.Careful()
	p.UnixUnlink = true
	path := filepath.Join(t.TempDir(), "s")
	listen := ssh.Marshal(struct{ Path string }{path})
	old, client := New(refuses{}, p, nil), &fake{}
	defer old.Close()
	young := New(refuses{}, p, nil)
	defer young.Close()
	for _, f := range []*Forwarder{old, young} {
		if ok, _ := client.request(f, "streamlocal-forward@openssh.com", listen); !ok {
			t.Fatal("does not listen")
		}
	}
	old.Unlisten()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	young.Unlisten()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its own is left: %v", err)
	}
}

// FuzzRequests lets a client send anything: nothing listens, nothing breaks.
func FuzzRequests(f *testing.F) {
	f.Add("tcpip-forward", ssh.Marshal(endpoint{"localhost", 0}))
	f.Add("streamlocal-forward@openssh.com", []byte{0, 0, 0, 1})
	f.Add("cancel-tcpip-forward", []byte(nil))
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		fw := New(&fake{}, new(policy.Policy), nil)
		defer fw.Close()
		if ok, _ := new(fake).request(fw, kind, payload); ok {
			t.Errorf("%s %x was granted where nothing is", kind, payload)
		}
		fw.Channel(refusing{kind: strings.ToLower(kind), extra: payload})
	})
}

// refusing is a channel that must not be accepted.
type refusing struct {
	kind  string
	extra []byte
}

func (r refusing) ChannelType() string                      { return r.kind }
func (r refusing) ExtraData() []byte                        { return r.extra }
func (r refusing) Accept() (sshconn.Channel, error)         { return nil, io.ErrUnexpectedEOF }
func (r refusing) Reject(ssh.RejectionReason, string) error { return nil }
