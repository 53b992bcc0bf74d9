package sshconn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/simnet"
)

var lan = simnet.Link{Delay: time.Millisecond}

func TestCommandWithInputOutputErrorsAndStatus(t *testing.T) {
	story(t, simnet.Link{Delay: 20 * time.Millisecond}, func(t *testing.T, e ends) {
		in, errs := noise(3_000_000), noise(100_000)
		e.serve(t, func(n NewChannel) {
			c, err := n.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			r := <-c.Requests()
			if r.Type != "exec" || string(r.Payload) != "\x00\x00\x00\x04sort" || !r.WantReply {
				t.Errorf("request %q %q", r.Type, r.Payload)
			}
			r.Reply(true, nil)
			go grant(c)
			got, err := io.ReadAll(c)
			if err != nil {
				t.Error(err)
			}
			c.Stderr().Write(errs)
			c.Write(got)
			exit(c, 7)
		})
		s, err := e.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		var out, stderr bytes.Buffer
		s.Stdin, s.Stdout, s.Stderr = bytes.NewReader(in), &out, &stderr
		var status *ssh.ExitError
		if err := s.Run("sort"); !errors.As(err, &status) || status.ExitStatus() != 7 {
			t.Errorf("Run: %v", err)
		}
		if !bytes.Equal(out.Bytes(), in) || !bytes.Equal(stderr.Bytes(), errs) {
			t.Errorf("%d bytes of output, %d of errors", out.Len(), stderr.Len())
		}
	})
}

func TestRequestsBothWays(t *testing.T) {
	story(t, lan, func(t *testing.T, e ends) {
		e.serve(t, func(n NewChannel) {
			c, err := n.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			for r := range c.Requests() {
				r.Reply(r.Type == "yes", nil)
			}
			c.Close()
		})
		c, reqs, err := e.OpenChannel("test", []byte("extra"))
		if err != nil {
			t.Fatal(err)
		}
		go ssh.DiscardRequests(reqs)
		for i := range 50 {
			want := i%3 != 0
			kind := map[bool]string{true: "yes", false: "no"}[want]
			if ok, err := c.SendRequest(kind, true, bytes.Repeat([]byte{1}, i)); ok != want || err != nil {
				t.Fatalf("%s: %v, %v", kind, ok, err)
			}
		}
		if ok, err := c.SendRequest("yes", false, nil); ok || err != nil {
			t.Errorf("no reply wanted: %v, %v", ok, err)
		}
		c.Close()
		if _, err := c.SendRequest("yes", true, nil); err != io.EOF {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestServerAsksClientOnAChannel(t *testing.T) {
	story(t, lan, func(t *testing.T, e ends) {
		answers := make(chan error, 1)
		e.serve(t, func(n NewChannel) {
			c := accept(t, n)
			if n.ChannelType() != "test" || string(n.ExtraData()) != "extra" {
				t.Errorf("channel %q %q", n.ChannelType(), n.ExtraData())
			}
			ok, err := c.SendRequest("keepalive@openssh.com", true, nil)
			if ok {
				err = errors.New("granted")
			}
			answers <- err
			c.SendRequest("exit-signal", false, []byte("payload"))
			c.Close()
		})
		_, reqs, err := e.OpenChannel("test", []byte("extra"))
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for r := range reqs {
			kinds = append(kinds, r.Type+string(r.Payload))
			if r.WantReply {
				r.Reply(false, nil)
			}
		}
		if got := fmt.Sprint(kinds); got != "[keepalive@openssh.com exit-signalpayload]" {
			t.Error(got)
		}
		if err := <-answers; err != nil {
			t.Error(err)
		}
	})
}

func TestChannelRefused(t *testing.T) {
	story(t, lan, func(t *testing.T, e ends) {
		e.serve(t, func(n NewChannel) { n.Reject(ssh.Prohibited, "not here") })
		_, err := e.Dial("tcp", "localhost:80")
		var refused *ssh.OpenChannelError
		if !errors.As(err, &refused) || refused.Reason != ssh.Prohibited || refused.Message != "not here" {
			t.Errorf("Dial: %v", err)
		}
		// A session tells it at the latest with its first request.
		s, err := e.NewSession()
		if err == nil {
			err = s.Run("true")
		}
		if !errors.As(err, &refused) || refused.Message != "not here" {
			t.Errorf("session: %v", err)
		}
	})
}

func TestServerOpensChannels(t *testing.T) {
	story(t, lan, func(t *testing.T, e ends) {
		chans := e.HandleChannelOpen("x11")
		go func() {
			for n := range chans {
				c, reqs, err := n.Accept()
				if err != nil {
					t.Error(err)
					return
				}
				go ssh.DiscardRequests(reqs)
				go func() { io.Copy(c, c); c.Close() }()
			}
		}()
		c, err := e.server.OpenChannel("x11", []byte{1, 2})
		if err != nil {
			t.Fatal(err)
		}
		go grant(c)
		c.Write([]byte("hello"))
		c.CloseWrite()
		if got, err := io.ReadAll(c); string(got) != "hello" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		c.Close()
		var refused *ssh.OpenChannelError
		if _, err := e.server.OpenChannel("unheard", nil); !errors.As(err, &refused) || refused.Reason != ssh.UnknownChannelType {
			t.Errorf("unknown type: %v", err)
		}
	})
}

func TestHalfClosed(t *testing.T) {
	story(t, lan, func(t *testing.T, e ends) {
		served := make(chan struct{})
		e.serve(t, func(n NewChannel) {
			c := accept(t, n)
			defer close(served)
			c.CloseWrite() // nothing to say
			got, err := io.ReadAll(c)
			if err != nil || string(got) != "still read" {
				t.Errorf("%q, %v", got, err)
			}
			if _, err := c.Write([]byte("x")); err != io.EOF {
				t.Errorf("Write after CloseWrite: %v", err)
			}
			c.Close()
		})
		c := e.open(t)
		if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("Read: %d, %v", n, err)
		}
		if ok, err := c.SendRequest("late", true, nil); !ok || err != nil {
			t.Errorf("request after the other's eof: %v, %v", ok, err)
		}
		c.Write([]byte("still "))
		c.Write([]byte("read"))
		c.CloseWrite()
		if n, err := c.Stderr().Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("Read stderr: %d, %v", n, err)
		}
		c.Close()
		<-served
	})
}

// Whoever closes at once after writing loses nothing, and the other reads all of it.
func TestWhatWasWrittenBeforeCloseArrives(t *testing.T) {
	story(t, lan, func(t *testing.T, e ends) {
		want := noise(1_500_000)
		e.serve(t, func(n NewChannel) {
			c := accept(t, n)
			c.Write(want)
			c.Close()
		})
		c := e.open(t)
		time.Sleep(time.Second) // all is here, and the channel closed, before the first Read
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if _, err := c.Write([]byte("x")); err != io.EOF {
			t.Errorf("Write to a closed channel: %v", err)
		}
	})
}

func TestCloseEndsAWriteThatWaits(t *testing.T) {
	story(t, lan, func(t *testing.T, e ends) {
		held := make(chan Channel, 1)
		e.serve(t, func(n NewChannel) { held <- accept(t, n) }) // and nobody reads
		c := e.open(t)
		wrote := make(chan error, 1)
		go func() {
			_, err := c.Write(make([]byte, 20<<20))
			wrote <- err
		}()
		time.Sleep(time.Second)
		(<-held).Close()
		within(t, time.Minute, func() {
			if err := <-wrote; err != io.EOF {
				t.Errorf("Write: %v", err)
			}
		})
	})
}

// A reader that sleeps stops its own channel only.
func TestUnreadChannelsDontBlockOthers(t *testing.T) {
	story(t, lan, func(t *testing.T, e ends) {
		e.serve(t, func(n NewChannel) {
			c := accept(t, n)
			if string(n.ExtraData()) == "flood" {
				go c.Stderr().Write(make([]byte, 20<<20))
				c.Write(make([]byte, 20<<20))
				return
			}
			io.Copy(c, c)
			c.Close()
		})
		for range 10 {
			_, reqs, err := e.OpenChannel("test", []byte("flood"))
			if err != nil {
				t.Fatal(err)
			}
			go ssh.DiscardRequests(reqs)
		}
		time.Sleep(10 * time.Second)
		c := e.open(t)
		within(t, time.Second, func() {
			c.Write([]byte("x"))
			readFull(t, c, 1)
			// Nor do they block what is no data.
			if _, _, err := e.SendRequest("keepalive@openssh.com", true, nil); err != nil {
				t.Error(err)
			}
		})
	})
}

// Replies come though a channel's window is full of data that nobody reads.
func TestRepliesPassUnreadData(t *testing.T) {
	story(t, lan, func(t *testing.T, e ends) {
		e.serve(t, func(n NewChannel) { accept(t, n).Write(make([]byte, 20<<20)) })
		c := e.open(t)
		time.Sleep(time.Second)
		within(t, time.Second, func() {
			if ok, err := c.SendRequest("window-change", true, nil); !ok || err != nil {
				t.Errorf("%v, %v", ok, err)
			}
		})
	})
}

func TestThousandsOfForwards(t *testing.T) {
	many := 3000
	if testing.Short() { // the race detector takes half a minute for as many over KCP
		many = 1000
	}
	story(t, simnet.Link{Delay: 10 * time.Millisecond}, func(t *testing.T, e ends) {
		e.serve(t, func(n NewChannel) {
			c := accept(t, n)
			io.Copy(c, c)
			c.Close()
		})
		var all sync.WaitGroup
		for i := range many {
			all.Go(func() {
				c, err := e.Dial("tcp", "localhost:80")
				if err != nil {
					t.Error(err)
					return
				}
				want := fmt.Sprint("connection ", i)
				io.WriteString(c, want)
				c.(interface{ CloseWrite() error }).CloseWrite()
				if got, err := io.ReadAll(c); string(got) != want || err != nil {
					t.Errorf("%d: %q, %v", i, got, err)
				}
				c.Close()
			})
		}
		all.Wait()
	})
}

func TestRemoteForward(t *testing.T) {
	story(t, simnet.Link{Delay: 10 * time.Millisecond, Loss: 0.05}, func(t *testing.T, e ends) {
		go func() {
			for n := range e.server.Channels() {
				n.Reject(ssh.UnknownChannelType, "")
			}
		}()
		go func() {
			for r := range e.server.Requests() {
				if r.Type != "tcpip-forward" {
					r.Reply(true, nil)
					continue
				}
				r.Reply(true, []byte{0, 0, 0x1f, 0x90}) // port 8080
				go func() {
					// Someone connects at once, or as soon as x/crypto/ssh's
					// client has noted what it listens to.
					time.Sleep(time.Nanosecond)
					c, err := e.server.OpenChannel("forwarded-tcpip", ssh.Marshal(struct {
						Addr   string
						Port   uint32
						Origin string
						From   uint32
					}{"127.0.0.1", 8080, "127.0.0.1", 5}))
					if err != nil {
						t.Error(err)
						return
					}
					go grant(c)
					c.Write([]byte("come in"))
					c.Close()
				}()
			}
		}()
		for range 20 {
			l, err := e.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			if l.Addr().(*net.TCPAddr).Port != 8080 {
				t.Errorf("listening on %v", l.Addr())
			}
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(c); string(got) != "come in" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
			c.Close()
			l.Close()
		}
	})
}

func TestGlobalRequests(t *testing.T) {
	story(t, lan, func(t *testing.T, e ends) {
		go func() {
			for r := range e.server.Requests() {
				r.Reply(r.Type == "good", append([]byte("re "), r.Payload...))
			}
		}()
		for i := range 20 {
			kind := []string{"good", "bad"}[i%2]
			ok, reply, err := e.SendRequest(kind, true, []byte{'a' + byte(i)})
			if ok != (kind == "good") || string(reply) != "re "+string('a'+rune(i)) || err != nil {
				t.Fatalf("%v %q %v", ok, reply, err)
			}
			if _, _, err := e.SendRequest("quiet", false, nil); err != nil {
				t.Fatal(err)
			}
		}
		// The other way; ssh.NewClient refuses what it does not know.
		if ok, _, err := e.server.SendRequest("keepalive@openssh.com", true, nil); ok || err != nil {
			t.Errorf("server's request: %v, %v", ok, err)
		}
		if _, _, err := e.server.SendRequest("hostkeys-00@openssh.com", false, []byte("x")); err != nil {
			t.Error(err)
		}
	})
}

func TestEndOfTheConnectionEndsEverything(t *testing.T) {
	story(t, lan, func(t *testing.T, e ends) {
		taken := make(chan Channel, 10)
		e.serve(t, func(n NewChannel) { taken <- accept(t, n) })
		var calls sync.WaitGroup
		expect := func(f func(c ssh.Channel) error) {
			c := e.open(t)
			calls.Go(func() {
				if err := f(c); err != io.EOF {
					t.Errorf("got %v", err)
				}
			})
		}
		expect(func(c ssh.Channel) error { _, err := c.Read(make([]byte, 1)); return err })
		expect(func(c ssh.Channel) error { _, err := c.Stderr().Read(make([]byte, 1)); return err })
		expect(func(c ssh.Channel) error { _, err := c.Write(make([]byte, 20<<20)); return err })
		time.Sleep(time.Second)
		e.server.Close()
		within(t, time.Minute, calls.Wait)
		if err := e.Wait(); err != io.EOF {
			t.Errorf("client's Wait: %v", err)
		}
		if err := e.server.Wait(); err == nil {
			t.Error("server's Wait: nil")
		}
		if _, _, err := e.OpenChannel("test", nil); err == nil {
			t.Error("a channel opened after the end")
		}
		if _, ok := <-e.server.Requests(); ok {
			t.Error("a request came after the end")
		}
	})
}
