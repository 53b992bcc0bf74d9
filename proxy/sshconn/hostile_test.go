package sshconn

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/channel"
	"tssh/proxy/simnet"
)

// A peer that breaks the protocol ends the connection, and nothing else.
func TestHostilePeerEndsOnlyTheConnection(t *testing.T) {
	start := []byte("\x04test\x00\x00\x00\x00\x00\x00\x00\x00")
	frame := func(kind byte, body string) []byte {
		b := make([]byte, headSize)
		putHead(b, kind, len(body))
		return append(b, body...)
	}
	flood := bytes.Repeat(frame(frameData, string(make([]byte, maxData))), firstWindow/maxData+1)
	for _, attack := range []struct {
		name  string
		bytes []byte
	}{
		{"unknown frame", append(start, frame('?', "")...)},
		{"huge frame", append(start, frameRequest, 0xff, 0xff, 0xff)},
		{"huge data", append(start, frameData, 0x01, 0, 0)},
		{"huge opening", []byte("\x04test\xff\xff\xff\xff")},
		{"request too short", append(start, frame(frameRequest, "\x00\xff\xff?")...)},
		{"more than the window", append(start, flood...)},
		{"data after eof", append(append(start, frame(frameEOF, "")...), frame(frameData, "x")...)},
		{"confirmation of its own channel", append(start, frame(frameConfirm, "")...)},
		{"refusal of its own channel", append(start, frame(frameReject, "\x00\x00\x00\x01")...)},
		{"answer to no global request", []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00y\x00\x00\x00")},
		{"data among global requests", []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00d\x00\x00\x01x")},
	} {
		t.Run(attack.name, func(t *testing.T) {
			simnet.Bubble(t, func(t *testing.T) {
				client, server := simnet.Pair(t, lan)
				m := muxes(t, "quic", client, server)
				s := Serve(m[1])
				ends{server: s}.serve(t, func(n NewChannel) {
					if c, err := n.Accept(); err == nil { // or the attack has ended the connection already
						grant(c)
					}
				})
				raw, err := m[0].Open(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				raw.Write(attack.bytes)
				if err := s.Wait(); !errors.Is(err, errMalformed) {
					t.Errorf("the server ended with %v", err)
				}
				<-m[0].Done()
				time.Sleep(time.Minute)
			})
		})
	}
}

// What is too much or too early, but harmless, is borne.
func TestHarmlessOddities(t *testing.T) {
	simnet.Bubble(t, func(t *testing.T) {
		e := connect(t, "quic", lan)
		e.serve(t, func(n NewChannel) {
			c := accept(t, n)
			for _, kind := range []byte{frameSuccess, frameStarved, frameData} { // nobody asked
				c.(*serverChannel).f.say(kind, nil)
			}
			io.Copy(c, c)
			c.Close()
		})
		raw, err := e.muxes[0].Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		raw.Write([]byte{200, 'x'}) // an opening that never ends
		c := e.open(t)
		if ok, err := c.SendRequest("x", true, nil); !ok || err != nil {
			t.Errorf("%v, %v", ok, err)
		}
		c.Write([]byte("hello"))
		c.CloseWrite()
		if got, err := io.ReadAll(c); string(got) != "hello" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		c.Close()
	})
}

func TestCloseDoesNotWaitForADeadNetwork(t *testing.T) {
	simnet.Bubble(t, func(t *testing.T) {
		e := connect(t, "quic", lan)
		e.serve(t, func(n NewChannel) { accept(t, n) })
		c := e.open(t)
		go c.Write(make([]byte, 20<<20))
		e.link.Change(func(l *simnet.Link) { l.Down = true })
		time.Sleep(time.Minute)
		began := time.Now()
		e.Close()
		if took := time.Since(began); took > closeWait+time.Second {
			t.Errorf("Close took %v", took)
		}
		e.muxes[1].Close() // as package proxy does when the client is gone for good
	})
}

func FuzzChannel(f *testing.F) {
	for _, seed := range []string{
		"\x04test\x00\x00\x00\x01x\x00\x00\x00\x00",
		"q\x00\x00\x08\x01\x00\x04execls",
		"d\x00\x00\x03abcE\x00\x00\x00X\x00\x00\x00",
		"C\x00\x00\x00w\x00\x00\x04\x00\x00\x10\x00s\x00\x00\x00p\x00\x00\x00",
		"R\x00\x00\x06\x00\x00\x00\x01no",
		"m\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x02d\x00\x00\x01a",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		if o, err := readOpening(r); err == nil {
			again, err := o.append(nil)
			if err != nil || !bytes.HasPrefix(b, again) {
				t.Errorf("%q became %q, %v", b, again, err)
			}
		}
		c := newFraming(&conn{mux: newHostile(), ctx: t.Context(), budget: channel.Budget{Most: maxKept}}, nopStream{bytes.NewReader(b)}, opening{})
		c.give = func(*Request) {}
		err := c.read(newReader(c.stream))
		_, refused := err.(*ssh.OpenChannelError)
		if err != nil && !refused && !errors.Is(err, errMalformed) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%v", err)
		}
		if kept := c.conn.budget.Kept(); kept > 2*maxWindow {
			t.Errorf("%d bytes were kept", kept)
		}
	})
}

type nopStream struct{ io.Reader }

func (nopStream) Write(p []byte) (int, error) { return len(p), nil }
func (nopStream) CloseWrite() error           { return nil }
func (nopStream) Close() error                { return nil }

// FuzzGlobal is a peer that says anything on the channel of global requests, to
// either end, and reads no answer.
func FuzzGlobal(f *testing.F) {
	f.Add([]byte("q\x00\x00\x10\x01\x00\x0dtcpip-forward"))
	f.Add([]byte("q\x00\x00\x04\x00\x00\x01xq\x00\x00\x03\x01\x00\x00y\x00\x00\x00"))
	f.Add([]byte("q\x03\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		says := func() io.Reader { return io.MultiReader(strings.NewReader(global), bytes.NewReader(b)) }
		h := newHostile()
		s := Serve(h)
		h.streams <- h.stream(says())
		go func() {
			for r := range s.Requests() {
				r.Reply(true, r.Payload)
			}
		}()
		h.Close()
		s.Close()
		h = newHostile()
		c, _, requests := Client(h, Meta{})
		go ssh.DiscardRequests(requests)
		h.streams <- h.stream(says())
		h.Close()
		c.Close()
	})
}
