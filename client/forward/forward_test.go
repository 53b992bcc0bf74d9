package forward

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/proxy/udp"
)

func call(t *testing.T, port int) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

func TestLocalForwardPassesHalfCloseOn(t *testing.T) {
	s, srv, _, _ := start(t, &config.Host{})
	port := freePort(t)
	if _, err := s.Add(context.Background(), Local, parse(t, fmt.Sprintf("%d:db.example:5432", port), Local)); err != nil {
		t.Fatal(err)
	}
	c := call(t, port)
	far := <-srv.opened
	var to struct {
		Host     string
		Port     uint32
		FromHost string
		FromPort uint32
	}
	if err := ssh.Unmarshal(far.extra, &to); err != nil || far.kind != "direct-tcpip" || to.Host != "db.example" || to.Port != 5432 || to.FromHost != "127.0.0.1" {
		t.Errorf("%s %+v, %v", far.kind, to, err)
	}
	io.WriteString(c, "question")
	c.CloseWrite()
	if q, _ := io.ReadAll(far); string(q) != "question" {
		t.Errorf("the server read %q", q)
	}
	io.WriteString(far, "answer after the question's end")
	far.CloseWrite()
	if a, _ := io.ReadAll(c); string(a) != "answer after the question's end" {
		t.Errorf("the client read %q", a)
	}
	s.Wait(context.Background())
	if l := s.Lines(); len(l) != 0 {
		t.Errorf("still open: %q", l)
	}
}

func TestServerClosesTheChannel(t *testing.T) {
	s, srv, _, _ := start(t, &config.Host{})
	port := freePort(t)
	s.Add(context.Background(), Local, parse(t, fmt.Sprintf("%d:a:1", port), Local))
	c := call(t, port)
	far := <-srv.opened
	far.Close() // while our side has not ended
	if _, err := io.ReadAll(c); err != nil {
		t.Error(err)
	}
	s.Wait(context.Background())
}

func TestRefusalIsToldInSSHsWords(t *testing.T) {
	s, srv, said, _ := start(t, &config.Host{})
	srv.refuse = &ssh.OpenChannelError{Reason: ssh.ConnectionFailed, Message: "Connection refused"}
	port := freePort(t)
	s.Add(context.Background(), Local, parse(t, fmt.Sprintf("%d:a:1", port), Local))
	io.ReadAll(call(t, port))
	s.Close()
	// The listeners have the numbers before it, as many as there are families.
	if got := said.String(); !strings.HasSuffix(got, ": open failed: connect failed: Connection refused") || !strings.HasPrefix(got, "channel ") {
		t.Errorf("said %q", got)
	}
}

func TestPortInUse(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	port := busy.Addr().(*net.TCPAddr).Port
	words := fmt.Sprintf("bind [127.0.0.1]:%d: Address already in use\nchannel_setup_fwd_listener_tcpip: cannot listen to port: %d", port, port)
	for _, exits := range []bool{false, true} {
		h := &config.Host{ExitOnForwardFailure: exits, Lent: config.Lent{
			LocalForward: []config.Forward{{BindAddress: "127.0.0.1", BindPort: port, Host: "a", Port: 1}}}}
		s, _, said, _ := start(t, h)
		err := s.Start(context.Background())
		want := words
		if !exits {
			want += "\nCould not request local forwarding."
		}
		if (err != nil) != exits || said.String() != want {
			t.Errorf("exit %v: %v, said %q", exits, err, said)
		}
	}

	// The client that has it is about to end, as its session was taken over.
	h := &config.Host{ExitOnForwardFailure: true, Lent: config.Lent{
		LocalForward: []config.Forward{{BindAddress: "127.0.0.1", BindPort: port, Host: "a", Port: 1}}}}
	s, _, said, _ := start(t, h)
	s.Yielding(time.Now().Add(10 * time.Second))
	time.AfterFunc(100*time.Millisecond, func() { busy.Close() })
	if err := s.Start(context.Background()); err != nil {
		t.Errorf("the port is free soon: %v, said %q", err, said)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	h := &config.Host{StreamLocalBindMask: 0o177}
	s, srv, said, _ := start(t, h)
	f := config.Forward{BindPath: path, Path: "/far/side"}
	if _, err := s.Add(context.Background(), Local, f); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if far := <-srv.opened; far.kind != "direct-streamlocal@openssh.com" || !strings.Contains(string(far.extra), "/far/side") {
		t.Errorf("%s %q", far.kind, far.extra)
	}
	other, _, said2, _ := start(t, h)
	if _, err := other.Add(context.Background(), Local, f); err == nil || !strings.Contains(said2.String(), "unix_listener: cannot bind to path "+path+": Address already in use") {
		t.Errorf("%v, said %q", err, said2)
	}
	h.StreamLocalBindUnlink = true
	if _, err := other.Add(context.Background(), Local, f); err != nil {
		t.Errorf("%v, said %q", err, said)
	}
}

func TestRemoteForward(t *testing.T) {
	s, srv, said, dialed := start(t, &config.Host{})
	if _, err := s.Add(context.Background(), Remote, parse(t, "8080:web.example:80", Remote)); err != nil {
		t.Fatal(err)
	}
	if got := srv.asked[0]; got.kind != "tcpip-forward" || got.payload != "\x00\x00\x00\x09localhost\x00\x00\x1f\x90" {
		t.Errorf("%q", got)
	}
	far := srv.open("forwarded-tcpip", ends{"localhost", 8080, "192.0.2.1", 4000})
	inner := <-dialed
	io.WriteString(far, "GET")
	far.CloseWrite()
	if b, _ := io.ReadAll(inner); string(b) != "GET" {
		t.Errorf("%q", b)
	}
	inner.Close()
	if srv.open("forwarded-tcpip", ends{"localhost", 2222, "192.0.2.1", 4000}) != nil {
		t.Error("a port that was not asked for reached us")
	}
	if want := "WARNING: Server requests forwarding for unknown listen_port 2222"; said.String() != want {
		t.Errorf("said %q", said)
	}
	if err := s.Cancel(Remote, parse(t, "8080:web.example:80", Remote)); err != nil {
		t.Error(err)
	}
	if srv.open("forwarded-tcpip", ends{"localhost", 8080, "192.0.2.1", 4000}) != nil {
		t.Error("a cancelled forward reached us")
	}
	if err := s.Cancel(Remote, parse(t, "8080:web.example:80", Remote)); err != ErrUnknown {
		t.Error(err)
	}
}

func TestServerChoosesThePort(t *testing.T) {
	s, srv, said, dialed := start(t, &config.Host{})
	came := make(chan *channel, 1)
	srv.answer = func(kind string, p []byte) (bool, []byte) {
		// The first connection is here before the answer is read.
		go func() { came <- srv.open("forwarded-tcpip", ends{"localhost", 40001, "192.0.2.1", 4000}) }()
		return true, ssh.Marshal(struct{ Port uint32 }{40001})
	}
	port, err := s.Add(context.Background(), Remote, parse(t, "0:web.example:80", Remote))
	if err != nil || port != 40001 || said.String() != "Allocated port 40001 for remote forward to web.example:80" {
		t.Errorf("%d, %v, said %q", port, err, said)
	}
	if <-came == nil {
		t.Error("the first connection was refused")
	}
	<-dialed
	srv.answer = func(kind string, p []byte) (bool, []byte) { return kind == "cancel-tcpip-forward", nil }
	if err := s.Cancel(Remote, parse(t, "0:web.example:80", Remote)); err != nil {
		t.Error(err)
	}
}

func TestRemoteRefusals(t *testing.T) {
	for _, exits := range []bool{true, false} {
		h := &config.Host{ExitOnForwardFailure: exits, Lent: config.Lent{RemoteForward: []config.Forward{{BindPort: 80, Host: "a", Port: 1}}}}
		s, srv, said, _ := start(t, h)
		srv.answer = func(string, []byte) (bool, []byte) { return false, nil }
		err := s.Start(context.Background())
		<-s.Asked()
		if exits && (err == nil || err.Error() != "Error: remote port forwarding failed for listen port 80") {
			t.Errorf("%v", err)
		}
		if !exits && said.String() != "Warning: remote port forwarding failed for listen port 80" {
			t.Errorf("said %q", said)
		}
	}
}

// TestServerThatNeverAnswersHasASession, with ExitOnForwardFailure too, and nothing
// is said when it ends. One that says no late ends it.
func TestServerThatNeverAnswersHasASession(t *testing.T) {
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			h := &config.Host{ExitOnForwardFailure: true, Lent: config.Lent{RemoteForward: []config.Forward{{BindPort: 80, Host: "a", Port: 1}}}}
			s, srv, said, _ := start(t, h)
			srv.answer = func(string, []byte) (bool, []byte) {
				if late {
					time.Sleep(time.Minute)
				} else {
					<-srv.gone
				}
				return false, nil
			}
			if err := s.Start(context.Background()); err != nil {
				t.Fatal(err)
			}
			if late {
				<-srv.gone
				if said.String() != "Error: remote port forwarding failed for listen port 80" {
					t.Errorf("said %q", said)
				}
				return
			}
			srv.Close()
			<-s.Asked()
			if said.String() != "" {
				t.Errorf("said %q", said)
			}
		})
	}
}

// A connection that ends is told of by who waits for its end: the server has refused
// nothing.
func TestConnectionThatEndsIsNoRefusal(t *testing.T) {
	asked := []config.Forward{{BindPort: 80, Host: "a", Port: 1}}
	for what, lent := range map[string]config.Lent{"tcp": {RemoteForward: asked}, "udp": {UdpRemoteForward: asked}} {
		s, srv, said, _ := start(t, &config.Host{ExitOnForwardFailure: true, Lent: lent})
		srv.Close()
		if err := s.Start(context.Background()); err != nil || said.String() != "" {
			t.Errorf("%s: %v, said %q", what, err, said)
		}
	}
}

func TestUnreachableTargetIsRefused(t *testing.T) {
	s, srv, said, _ := start(t, &config.Host{})
	s.Add(context.Background(), Remote, parse(t, "8080:127.0.0.1:9", Remote))
	if srv.open("forwarded-tcpip", ends{"localhost", 8080, "192.0.2.1", 4000}) != nil || said.String() != "connect_to 127.0.0.1 port 9: failed." {
		t.Errorf("said %q", said)
	}
}

func TestRemoteDynamicAsksPermitRemoteOpen(t *testing.T) {
	s, srv, said, dialed := start(t, &config.Host{PermitRemoteOpen: []string{"good.example:80", "any.example:*"}})
	s.Add(context.Background(), Remote, parse(t, "1080", Remote))
	connect := func(host string, port byte) *channel {
		far := srv.open("forwarded-tcpip", ends{"localhost", 1080, "192.0.2.1", 4000})
		go io.WriteString(far, "\x05\x01\x00\x05\x01\x00\x03"+string(rune(len(host)))+host+"\x00"+string(rune(port))+"data")
		io.ReadFull(far, make([]byte, 12))
		return far
	}
	connect("good.example", 80)
	inner := <-dialed
	b := make([]byte, 4)
	if io.ReadFull(inner, b); string(b) != "data" {
		t.Errorf("%q", b)
	}
	connect("any.example", 22)
	<-dialed
	bad, answer := srv.open("forwarded-tcpip", ends{"localhost", 1080, "192.0.2.1", 4000}), make([]byte, 4)
	go io.WriteString(bad, "\x05\x01\x00\x05\x01\x00\x03\x0cgood.example\x00\x16")
	if io.ReadFull(bad, answer); string(answer) != "\x05\x00\x05\x02" {
		t.Errorf("answer %q", answer)
	}
	io.ReadFull(bad, make([]byte, 8))
	if _, err := bad.Read(b); err == nil || len(dialed) != 0 || !strings.Contains(said.String(), "good.example:22 not permitted") {
		t.Errorf("%v, said %q", err, said)
	}
}

func TestCommandLine(t *testing.T) {
	s, _, _, _ := start(t, &config.Host{})
	port := freePort(t)
	for _, c := range []struct{ line, want string }{
		{"X", "Invalid command."},
		{"K", "Invalid command."},
		{"L8:foo", "Bad local forwarding specification."},
		{"Rx:a:b", "Bad remote forwarding specification."},
		{"KLx:a:b:c", "Bad forwarding close specification."},
		{fmt.Sprintf("L%d:a:80", port), "Forwarding port."},
		{fmt.Sprintf("KL%d", port), "Canceled forwarding."},
		{fmt.Sprintf("KL%d", port), "Unknown port forwarding."},
		{fmt.Sprintf("D %d", port), "Forwarding port."},
		{fmt.Sprintf("KD%d", port), "Canceled forwarding."},
		{"R 8080:a:80", "Forwarding port."},
		{"R 1080", "Forwarding port."},
		{"KR8080", "Canceled forwarding."},
	} {
		if got := s.Command(c.line); got != c.want {
			t.Errorf("%q: %q, want %q", c.line, got, c.want)
		}
	}
}

func TestDatagramsComeBack(t *testing.T) {
	port := freePort(t)
	s, srv, _, _ := start(t, &config.Host{Lent: config.Lent{
		UdpLocalForward: []config.Forward{{BindAddress: "127.0.0.1", BindPort: port, Host: "dns.example", Port: 53}}}})
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write([]byte("who"))
	far := <-srv.opened
	b := make([]byte, 5)
	if io.ReadFull(far, b); far.kind != "direct-udp@tssh" || string(b) != "\x00\x03who" {
		t.Errorf("%s %q", far.kind, b)
	}
	far.Write([]byte("\x00\x02me"))
	n, err := c.Read(b)
	if err != nil || string(b[:n]) != "me" {
		t.Errorf("%q, %v", b[:n], err)
	}
}

// A name of the server's, or of a program there, begins no line of its own.
func TestNamesOfTheServersStayOnTheirLine(t *testing.T) {
	s, srv, said, _ := start(t, &config.Host{PermitRemoteOpen: []string{"good.example:80"}})
	s.Add(context.Background(), Remote, parse(t, "1080", Remote))
	forged := "x\nme@bank's password: "
	srv.open("forwarded-streamlocal@openssh.com", struct{ Path, Reserved string }{forged, ""})
	far := srv.open("forwarded-tcpip", ends{"localhost", 1080, "192.0.2.1", 4000})
	go io.WriteString(far, "\x05\x01\x00\x05\x01\x00\x03"+string(rune(len(forged)))+forged+"\x00\x16")
	io.ReadFull(far, make([]byte, 12))
	far.Read(make([]byte, 1))
	if text := said.String(); strings.Count(text, `x\012me@bank`) != 2 || strings.Contains(text, "\nme@") {
		t.Errorf("said %q", text)
	}
}

// TestSessionFindsItsForwardings: what it runs may use them at once. The server is
// asked for all before the session begins, and where that can't be told, has
// answered for all.
func TestSessionFindsItsForwardings(t *testing.T) {
	for _, exits := range []bool{false, true} {
		for _, pipelined := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				h := &config.Host{ExitOnForwardFailure: exits, Lent: config.Lent{
					RemoteForward:    []config.Forward{{BindPort: 80, Host: "a", Port: 1}, {Host: "b", Port: 2}, {BindPath: "/s", Host: "c", Port: 3}},
					UdpRemoteForward: []config.Forward{{BindPort: 53, Host: "d", Port: 4}},
				}}
				s, srv, said, _ := start(t, h)
				var mu sync.Mutex // guards answered
				var asked, answered []string
				answer := func(kind string, _ []byte) (bool, []byte) {
					time.Sleep(time.Second)
					mu.Lock()
					answered = append(answered, kind)
					mu.Unlock()
					return true, ssh.Marshal(struct{ Port uint32 }{40001})
				}
				if srv.answer = answer; pipelined {
					s.asks = func(kind string, p []byte) func() (bool, []byte, error) {
						asked = append(asked, kind)
						return func() (bool, []byte, error) {
							ok, reply := answer(kind, p)
							return ok, reply, nil
						}
					}
				}
				if err := s.Start(context.Background()); err != nil {
					t.Fatal(err)
				}
				want := []string{"tcpip-forward", "tcpip-forward", "streamlocal-forward@openssh.com", udp.Listen}
				if got := asked; pipelined && !slices.Equal(got, want) {
					t.Errorf("asked %q before the session", got)
				}
				mu.Lock()
				if n := len(answered); n != len(want) && (!pipelined || exits || n != 0) {
					t.Errorf("pipelined %v, exits %v: %d answers before the session", pipelined, exits, n)
				}
				mu.Unlock()
				<-s.Asked()
				if got := said.String(); got != "Allocated port 40001 for remote forward to b:2" {
					t.Errorf("said %q", got)
				}
				if p, ok := s.Has(Remote, h.Lent.RemoteForward[1]); p != 40001 || !ok {
					t.Errorf("forwards port %d, %v", p, ok)
				}
				srv.Close()
			})
		}
	}
}

// TestNobodyWaitsForAnswersWhoEnds: a server that is out of reach gives none.
func TestNobodyWaitsForAnswersWhoEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, srv, _, _ := start(t, &config.Host{Lent: config.Lent{RemoteForward: []config.Forward{{BindPort: 80, Host: "a", Port: 1}}}})
		srv.answer = func(string, []byte) (bool, []byte) { time.Sleep(time.Hour); return true, nil }
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began := time.Now()
		if err := s.Start(ctx); err != nil || time.Since(began) > time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		srv.Close()
	})
}
