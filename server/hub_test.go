package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/terms"
	"tssh/proxy/wire"
	"tssh/server/policy"
	"tssh/server/registry"
)

// sitting is a tsshd in this process.
type sitting struct {
	*hub
	over chan error
	log  *tailLog
}

// tailLog keeps what is logged.
type tailLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *tailLog) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

// sit begins a session whose first client has the given identity's offer.
func sit(t *testing.T, o terms.Offer) *sitting {
	t.Helper()
	o.Ports = testPorts
	log := new(tailLog)
	h, err := newHub(o, func(format string, args ...any) {
		log.mu.Lock()
		defer log.mu.Unlock()
		log.text.WriteString(strings.ReplaceAll(format, "%", "%%") + "\n")
		t.Logf(format, args...)
	})
	if err != nil {
		t.Fatal(err)
	}
	s := testService(t)
	h.first.login, h.first.policy = s.login, s.policy
	x := &sitting{h, make(chan error, 1), log}
	go func() {
		x.over <- h.run(context.Background())
		h.close()
		close(x.over)
	}()
	t.Cleanup(func() {
		h.endBy("the test")
		within(t, "the end", func() {
			for range x.over {
			}
		})
	})
	return x
}

// entry finds it as another process does.
func (x *sitting) entry(t *testing.T) registry.Entry {
	t.Helper()
	for _, e := range registry.List() {
		if e.PID == os.Getpid() && e.Since.Equal(x.since) {
			return e
		}
	}
	t.Fatal("it is not in the list")
	return registry.Entry{}
}

// newcomerOf is a login that may do what the first may.
func newcomerOf(t *testing.T, transport wire.Transport, mode wire.Mode) (newcomer, func(greeting string) udpClient) {
	t.Helper()
	id := newIdentity(t)
	s := testService(t)
	c := newcomer{
		Offer: terms.Offer{Transport: transport, Ports: testPorts, ClientPin: id.Pin(), Proxy: mode, Ask: terms.Attach},
		Login: s.login, Policy: s.policy, Alive: time.Hour,
	}
	return c, func(greeting string) udpClient {
		t.Helper()
		g, found, err := terms.FindGreeting([]byte(greeting))
		if !found || err != nil || g.Terminal == 0 {
			t.Fatalf("%q: %v", greeting, err)
		}
		return dialGreeting(t, g, id, transport, mode)
	}
}

// screen is a terminal session of a client.
type screen struct {
	ssh.Channel
	mu    sync.Mutex
	out   bytes.Buffer
	asked []string
	ended chan struct{}
}

// openTerminal opens one with a shell, or attaches to the one that is there.
func openTerminal(t *testing.T, c udpClient, kind string, payload any) *screen {
	t.Helper()
	ch, reqs, err := c.OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	x := &screen{Channel: ch, ended: make(chan struct{})}
	go func() {
		defer close(x.ended)
		for r := range reqs {
			x.mu.Lock()
			x.asked = append(x.asked, r.Type+" "+string(r.Payload))
			x.mu.Unlock()
			r.Reply(true, nil)
		}
	}()
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := ch.Read(b)
			x.mu.Lock()
			x.out.Write(b[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	pty := struct {
		Term       string
		C, R, W, H uint32
		Modes      string
	}{"xterm", 80, 24, 0, 0, ""}
	if ok, err := ch.SendRequest("pty-req", true, ssh.Marshal(pty)); !ok || err != nil {
		t.Fatalf("pty-req: %v, %v", ok, err)
	}
	if ok, err := ch.SendRequest(kind, true, ssh.Marshal(payload)); !ok || err != nil {
		t.Fatalf("%s: %v, %v", kind, ok, err)
	}
	return x
}

func (x *screen) sees(t *testing.T, text string) {
	t.Helper()
	eventually(t, "the terminal shows "+text, func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return strings.Contains(x.out.String(), text)
	})
}

// told are the requests that came before the end.
func (x *screen) told(t *testing.T) string {
	t.Helper()
	within(t, "the end of the channel", func() { <-x.ended })
	x.mu.Lock()
	defer x.mu.Unlock()
	return strings.Join(x.asked, "\n")
}

// begun is a session with its first client, whose shell has said here1.
func begun(t *testing.T) (*sitting, udpClient) {
	t.Helper()
	id := newIdentity(t)
	x := sit(t, terms.Offer{Transport: "quic", ClientPin: id.Pin()})
	one := dialGreeting(t, x.first.greeting, id, "quic", wire.Auto)
	shell := openTerminal(t, one, "shell", struct{ Nothing string }{})
	io.WriteString(shell, "echo here$((1))\n")
	shell.sees(t, "here1")
	return x, one
}

// joined has another login take over the terminal, by the greeting that it returns.
func (x *sitting) joined(t *testing.T) (greeting string) {
	t.Helper()
	c, dial := newcomerOf(t, "quic", wire.Auto)
	greeting, err := askSeat(x.entry(t), c)
	if err != nil {
		t.Fatal(err)
	}
	openTerminal(t, dial(greeting), terms.AttachRequest, struct{ ID uint32 }{0}).sees(t, "here1")
	return greeting
}

// TestSessionIsTakenOver over every transport and path: a client that is there is
// told and ends, what runs goes on, and the agent's socket leads to the new one.
func TestSessionIsTakenOver(t *testing.T) {
	for _, how := range []struct {
		first, then wire.Transport
		mode        wire.Mode
	}{{"quic", "quic", wire.Auto}, {"quic", "kcp", wire.OnlyTCP}, {"kcp", "quic", wire.OnlySSH}, {"kcp", "kcp", wire.OnlyUDP}} {
		t.Run(string(how.first)+" "+string(how.then)+" "+string(how.mode), func(t *testing.T) {
			id := newIdentity(t)
			x := sit(t, terms.Offer{Transport: how.first, ClientPin: id.Pin(), Proxy: how.mode, Name: "story"})
			one := dialGreeting(t, x.first.greeting, id, how.first, how.mode)
			shell := openTerminal(t, one, "shell", struct{ Nothing string }{})
			io.WriteString(shell, "echo pid$((1))-$$; x=kept\n")
			shell.sees(t, "pid1-")

			c, dial := newcomerOf(t, how.then, how.mode)
			greeting, err := askSeat(x.entry(t), c)
			if err != nil {
				t.Fatal(err)
			}
			// An offer that nobody takes changes nothing.
			io.WriteString(shell, "echo still$((2))\n")
			shell.sees(t, "still2")

			two := dial(greeting)
			again := openTerminal(t, two, terms.AttachRequest, struct{ ID uint32 }{0})
			again.sees(t, "still2")
			io.WriteString(again, "echo $x-$((3))\n")
			again.sees(t, "kept-3")
			if got := shell.told(t); !strings.Contains(got, "taken@tssh") || !strings.Contains(got, "somebody from 192.0.2.1") || !strings.HasSuffix(got, "exit-status \x00\x00\x00\x00") {
				t.Errorf("the first client was told %q", got)
			}
			within(t, "the end of the first connection", func() { one.Wait() })

			io.WriteString(again, "exit 5\n")
			if got := again.told(t); got != "exit-status \x00\x00\x00\x05" {
				t.Errorf("%q", got)
			}
			two.mux.Shutdown(context.Background())
			within(t, "the end of the session", func() {
				for err := range x.over {
					if err != nil {
						t.Error(err)
					}
				}
			})
			if _, err := os.Stat(x.dir); err == nil {
				t.Error("its sockets are left behind")
			}
		})
	}
}

// TestTwoAttachAtOnce: one wins, which is the one that came last, and nobody hangs.
func TestTwoAttachAtOnce(t *testing.T) {
	x, one := begun(t)
	one.proxy.Cut(true) // an outage of the old client

	var all sync.WaitGroup
	for range 3 {
		c, dial := newcomerOf(t, "quic", wire.Auto)
		greeting, err := askSeat(x.entry(t), c)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			two := dial(greeting)
			ch, reqs, err := two.OpenChannel("session", nil)
			if err != nil {
				return // taken over already
			}
			go ssh.DiscardRequests(reqs)
			ch.Close()
		})
	}
	within(t, "all attaches", all.Wait)
	x.joined(t)
	eventually(t, "one seat is left", func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.seats == 1
	})
}

// TestDetachedSessionEndsInTime with a note, and not before a client that was
// offered a seat but did not come.
func TestDetachedSessionEndsInTime(t *testing.T) {
	id := newIdentity(t)
	x := sit(t, terms.Offer{Transport: "quic", ClientPin: id.Pin(), Alive: 5 * time.Second})
	one := dialGreeting(t, x.first.greeting, id, "quic", wire.Auto)
	shell := openTerminal(t, one, "shell", struct{ Nothing string }{})
	io.WriteString(shell, `exec sh -c 'trap "echo >$HOME/hup; exit" HUP; echo here$((1)); while :; do sleep 0.1; done'`+"\n")
	shell.sees(t, "here1")
	shell.SendRequest(terms.DetachRequest, false, nil)
	if got := shell.told(t); got != "exit-status \x00\x00\x00\x00" {
		t.Errorf("%q", got)
	}
	one.mux.Shutdown(context.Background())
	eventually(t, "it waits", func() bool {
		e := x.entry(t)
		return !e.Here && len(e.Terminals) == 1 && !e.Terminals[0].Here
	})
	within(t, "the end", func() { <-x.over })
	if !x.log.has("nobody came back") {
		t.Error("there is no note")
	}
	eventually(t, "SIGHUP", func() bool {
		_, err := os.Stat(x.first.login.Home + "/hup")
		return err == nil
	})
}

// TestLastWordsWaitForTheirTime: what ran has ended, and its user was away.
func TestLastWordsWaitForTheirTime(t *testing.T) {
	id := newIdentity(t)
	x := sit(t, terms.Offer{Transport: "quic", ClientPin: id.Pin(), Alive: 5 * time.Second})
	one := dialGreeting(t, x.first.greeting, id, "quic", wire.Auto)
	shell := openTerminal(t, one, "shell", struct{ Nothing string }{})
	file := t.TempDir() + "/go"
	io.WriteString(shell, "echo here$((1)); until [ -e "+file+" ]; do sleep .1; done; exit 5\n")
	shell.sees(t, "here1")
	shell.SendRequest(terms.DetachRequest, false, nil)
	shell.told(t)
	one.mux.Shutdown(context.Background())
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has ended, and waits", func() bool {
		e := x.entry(t)
		return e.Over() && e.Terminals[0].Status != nil && *e.Terminals[0].Status == 5
	})
	within(t, "the end", func() { <-x.over })
	if !x.log.has("nobody came back") {
		t.Error("there is no note")
	}
}

// TestDeadClientIsKnownWhenAskedFor: long before its heartbeat is missed; and one that
// is idle is not taken for dead.
func TestDeadClientIsKnownWhenAskedFor(t *testing.T) {
	x, one := begun(t)
	if !x.first.asked(context.Background(), 10*time.Second) {
		t.Error("an idle client is taken for dead")
	}
	one.proxy.Cut(true)
	eventually(t, "silence", func() bool {
		heard, _ := x.first.proxy.Heard()
		return time.Since(heard) > sure
	})
	begin := time.Now()
	if e := x.entry(t); e.Here || e.Heard.After(begin) {
		t.Errorf("a dead client is taken for one that is there: %+v", e)
	}
	one.proxy.Cut(false) // or its farewell takes long
}

// TestPoliteEndEndsTheSession: ~. of today, with what it left in the background of
// the terminal.
func TestPoliteEndEndsTheSession(t *testing.T) {
	x, one := begun(t)
	one.mux.Shutdown(context.Background()) // without a close of the channel
	within(t, "the end", func() { <-x.over })
}

// TestWhoMayNotAttach attacks the door with what a login must not have.
func TestWhoMayNotAttach(t *testing.T) {
	id := newIdentity(t)
	x := sit(t, terms.Offer{Transport: "quic", ClientPin: id.Pin()})
	one := dialGreeting(t, x.first.greeting, id, "quic", wire.Auto)
	e := x.entry(t)
	good, _ := newcomerOf(t, "quic", wire.Auto)
	if _, err := askSeat(e, good); err == nil || !strings.Contains(err.Error(), "no terminal") {
		t.Errorf("without a terminal: %v", err)
	}
	shell := openTerminal(t, one, "shell", struct{ Nothing string }{})
	io.WriteString(shell, "echo here$((1))\n")
	shell.sees(t, "here1")
	for name, bad := range map[string]func(*newcomer){
		"no pty":        func(c *newcomer) { c.Policy.TTY = false },
		"ForceCommand":  func(c *newcomer) { c.Policy.ForceCommand = "true" },
		"command=":      func(c *newcomer) { c.Policy.KeyCommand = "true" },
		"no policy":     func(c *newcomer) { c.Policy = nil },
		"inside":        func(c *newcomer) { c.Offer.Inside = x.id },
		"terminal 2":    func(c *newcomer) { c.Terminal = 2 },
		"bad transport": func(c *newcomer) { c.Offer.Transport = "carrier pigeon" },
	} {
		c, _ := newcomerOf(t, "quic", wire.Auto)
		bad(&c)
		if greeting, err := askSeat(e, c); err == nil {
			t.Errorf("%s: %s", name, greeting)
		}
	}
	brings, _ := json.Marshal(good)
	for _, q := range []registry.Request{
		{Ask: "attach", Release: "0.0.1", Attach: brings}, {Ask: "attach", Release: terms.Release},
		{Ask: "attach", Release: terms.Release, Attach: json.RawMessage(`[1]`)}, {Ask: "everything", Release: terms.Release}, {},
	} {
		if a, err := e.Ask(t.Context(), q); err != nil || a.Error == "" || a.Greeting != "" {
			t.Errorf("%s of %s: %+v, %v", q.Ask, q.Release, a, err)
		}
	}
	for range 3 * maxComing { // seats that nobody takes are bounded
		c, _ := newcomerOf(t, "quic", wire.Auto)
		askSeat(e, c)
	}
	x.mu.Lock()
	seats := x.seats
	x.mu.Unlock()
	if seats > maxComing+1 { // with the one that is taken
		t.Errorf("%d seats", seats)
	}
	io.WriteString(shell, "echo unharmed$((2))\n")
	shell.sees(t, "unharmed2")
}

// TestOldKeysAreDead: who had a seat can't come back to it.
func TestOldKeysAreDead(t *testing.T) {
	x, _ := begun(t)
	greeting := x.joined(t)
	within(t, "the end of the first seat", func() { <-x.first.proxy.Done() })
	if x.first.greeting.Secret == [32]byte{} {
		t.Fatal("no secret")
	}
	if strings.Contains(greeting, "somebody") {
		t.Error("the greeting tells of the login")
	}
	g, _, _ := terms.FindGreeting([]byte(greeting))
	if g.Secret == x.first.greeting.Secret || g.ServerPin == x.first.greeting.ServerPin {
		t.Error("keys are used twice")
	}
}

// TestPolicyTravels: what sshd permits is worked out by one process and held by
// another. A list that permits nothing must not become one that permits all.
func TestPolicyTravels(t *testing.T) {
	for _, p := range []*policy.Policy{policy.Careful(), new(policy.Policy), {
		PermitOpen: []policy.Endpoint{}, PermitListen: []policy.Endpoint{}, KeyOpen: []policy.Endpoint{}, KeyListen: []policy.Endpoint{{Host: "*", Port: "1"}},
		KeyTunnel: []uint32{7}, KeyEnv: []string{"A=b"}, ForceCommand: "x", KeyCommand: "y", Unused: time.Second, UserEnv: "z",
		Timeouts: []policy.Timeout{{Pattern: "session:*", After: time.Minute}}, TTY: true, UnixMask: 0o22, GatewayPorts: policy.GatewayYes,
	}} {
		b, err := json.Marshal(newcomer{Policy: p})
		if err != nil {
			t.Fatal(err)
		}
		var got newcomer
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		want, had := reflect.ValueOf(p).Elem(), reflect.ValueOf(got.Policy).Elem()
		for i := range want.NumField() {
			f := want.Type().Field(i)
			if f.IsExported() && !reflect.DeepEqual(want.Field(i).Interface(), had.Field(i).Interface()) {
				t.Errorf("%s is %#v, it was %#v", f.Name, had.Field(i), want.Field(i))
			}
		}
	}
}

// TestSessionThatEndsIsNotTakenForAnOlderOne, which had a relay and no door.
func TestSessionThatEndsIsNotTakenForAnOlderOne(t *testing.T) {
	stop, looked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(looked)
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, e := range registry.Glance() {
				if e.Release == "" && e.PID == os.Getpid() {
					t.Errorf("%+v", e)
				}
			}
		}
	}()
	for range 40 {
		h, err := newHub(terms.Offer{Transport: "kcp", Ports: testPorts}, t.Logf)
		if err != nil {
			t.Fatal(err)
		}
		h.close()
	}
	close(stop)
	<-looked
}
