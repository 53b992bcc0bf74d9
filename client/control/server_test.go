//go:build unix

package control

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os/exec"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// testServer is an ssh server that runs commands with sh and connects to
// addresses; everybody may log in.
type testServer struct {
	config *ssh.ServerConfig
	wg     sync.WaitGroup

	mu      sync.Mutex     // guards what follows
	globals []string       // requests that concern the connection
	pty     []string       // TERM of every terminal asked for
	sizes   chan [2]uint32 // columns and rows of every window-change
}

func newTestServer(t *testing.T) *testServer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{config: &ssh.ServerConfig{NoClientAuth: true}, sizes: make(chan [2]uint32, 10)}
	s.config.AddHostKey(signer)
	t.Cleanup(s.wg.Wait)
	return s
}

// listen serves on a port of the loopback, for programs.
func (s *testServer) listen(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() { s.serve(c) })
		}
	})
	return l.Addr().String()
}

// dial is a login. (Over a net.Pipe both ends would wait to say hello.)
func (s *testServer) dial(t *testing.T) *ssh.Client {
	c, err := ssh.Dial("tcp", s.listen(t), &ssh.ClientConfig{HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (s *testServer) serve(c net.Conn) {
	defer c.Close()
	_, chans, reqs, err := ssh.NewServerConn(c, s.config)
	if err != nil {
		return
	}
	go func() {
		for r := range reqs {
			s.mu.Lock()
			s.globals = append(s.globals, r.Type)
			s.mu.Unlock()
			if r.WantReply {
				r.Reply(true, nil)
			}
		}
	}()
	for nc := range chans {
		s.wg.Go(func() { s.channel(nc) })
	}
}

func (s *testServer) channel(nc ssh.NewChannel) {
	switch nc.ChannelType() {
	case "session":
		ch, reqs, err := nc.Accept()
		if err != nil {
			return
		}
		s.session(ch, reqs)
	case "direct-tcpip":
		var to struct {
			Host       string
			Port       uint32
			OriginHost string
			OriginPort uint32
		}
		ssh.Unmarshal(nc.ExtraData(), &to)
		c, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.ParseIP(to.Host), Port: int(to.Port)})
		if err != nil {
			nc.Reject(ssh.ConnectionFailed, err.Error())
			return
		}
		defer c.Close()
		ch, reqs, err := nc.Accept()
		if err != nil {
			return
		}
		defer ch.Close()
		go ssh.DiscardRequests(reqs)
		var wg sync.WaitGroup
		wg.Go(func() {
			io.Copy(c, ch)
			c.CloseWrite()
		})
		io.Copy(ch, c)
		ch.CloseWrite()
		wg.Wait()
	default:
		nc.Reject(ssh.UnknownChannelType, "no such channel here")
	}
}

func (s *testServer) session(ch ssh.Channel, reqs <-chan *ssh.Request) {
	defer ch.Close()
	var env []string
	for r := range reqs {
		var text struct{ Text string }
		switch r.Type {
		case "env":
			var kv struct{ Name, Value string }
			ssh.Unmarshal(r.Payload, &kv)
			env = append(env, kv.Name+"="+kv.Value)
			r.Reply(true, nil)
		case "pty-req":
			var pty struct {
				Term string
				Rest []byte `ssh:"rest"`
			}
			ssh.Unmarshal(r.Payload, &pty)
			s.mu.Lock()
			s.pty = append(s.pty, pty.Term)
			s.mu.Unlock()
			r.Reply(true, nil)
		case "exec":
			ssh.Unmarshal(r.Payload, &text)
			r.Reply(true, nil)
			go s.watch(reqs)
			s.run(ch, text.Text, env)
			return
		default:
			if r.WantReply {
				r.Reply(false, nil)
			}
		}
	}
}

// watch notes what is asked while a command runs.
func (s *testServer) watch(reqs <-chan *ssh.Request) {
	for r := range reqs {
		var size struct{ Cols, Rows, Width, Height uint32 }
		if r.Type == "window-change" && ssh.Unmarshal(r.Payload, &size) == nil {
			s.sizes <- [2]uint32{size.Cols, size.Rows}
		}
		if r.WantReply {
			r.Reply(false, nil)
		}
	}
}

func (s *testServer) run(ch ssh.Channel, command string, env []string) {
	cmd := exec.Command("sh", "-c", command)
	cmd.Env = append([]string{"PATH=/usr/bin:/bin"}, env...)
	cmd.Stdout, cmd.Stderr = ch, ch.Stderr()
	in, err := cmd.StdinPipe()
	if err != nil {
		return
	}
	go func() {
		io.Copy(in, ch)
		in.Close()
	}()
	status := 0
	if err := cmd.Run(); err != nil {
		status = 127
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			status = failed.ExitCode()
		}
	}
	// A master of OpenSSH's closes the channel as soon as both directions have ended, and
	// x/crypto answers that at once: a status that came after the end would not be sent.
	ch.SendRequest("exit-status", false, ssh.Marshal(number{uint32(status)}))
	ch.CloseWrite()
}
