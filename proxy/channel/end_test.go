package channel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// paper is a Wire that writes down what is said.
type paper struct {
	mu    sync.Mutex // guards what follows
	words []string
	bytes []byte        // of data
	held  chan struct{} // what is said waits until it is closed; nil: it does not
	err   error         // of all that is said
}

func (p *paper) say(format string, args ...any) error {
	p.mu.Lock()
	held := p.held
	p.mu.Unlock()
	if held != nil {
		<-held
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.words = append(p.words, fmt.Sprintf(format, args...))
	}
	return p.err
}

func (p *paper) Data(b []byte, stderr bool) error {
	p.mu.Lock()
	p.bytes = append(p.bytes, b...)
	p.mu.Unlock()
	if stderr {
		return p.say("stderr %d", len(b))
	}
	return p.say("data %d", len(b))
}
func (p *paper) Window(n int) error { return p.say("window %d", n) }
func (p *paper) Growth(n int) error { return p.say("growth %d", n) }
func (p *paper) Starved() error     { return p.say("starved") }
func (p *paper) EOF() error         { return p.say("eof") }
func (p *paper) Close() error       { return p.say("close") }
func (p *paper) Request(kind string, wantReply bool, payload []byte) error {
	if kind == "too long" {
		return errors.New("too long")
	}
	return p.say("request %s %v", kind, wantReply)
}

// hold makes what is said wait until the call of what it returns.
func (p *paper) hold() (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := make(chan struct{})
	p.held = held
	return func() {
		p.mu.Lock()
		p.held = nil
		p.mu.Unlock()
		close(held)
	}
}

// said returns what was said since the last call.
func (p *paper) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := strings.Join(p.words, ", ")
	p.words = nil
	return s
}

// expect fails t when something else was said since the last time.
func (p *paper) expect(t *testing.T, want string) {
	t.Helper()
	if got := p.said(); got != want {
		t.Errorf("said %q, not %q", got, want)
	}
}

// open returns a channel that both ends have, and what it says. Zeros of config are
// a window of 64 KiB each way.
func open(config Config) (*Channel, *paper) {
	p := &paper{}
	config.Wire = p
	if config.Window == 0 {
		config.Window = 64 << 10
	}
	if config.Credit == 0 {
		config.Credit = 64 << 10
	}
	if config.Largest == 0 {
		config.Largest = 32 << 10
	}
	if config.MaxCredit == 0 {
		config.MaxCredit = 1 << 20
	}
	c := New(config)
	c.Open(0, config.Largest)
	return c, p
}

func receive(t *testing.T, c *Channel, n int) {
	t.Helper()
	if err := c.Receive(make([]byte, n), false); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, c *Channel, n int) {
	t.Helper()
	if _, err := io.ReadFull(c, make([]byte, n)); err != nil {
		t.Fatal(err)
	}
}

// Whatever each end does in whatever order: what came before the end is read, then
// comes io.EOF; what is said makes sense to the peer; and nothing is kept after.
func TestEndsInEachOrder(t *testing.T) {
	ours := []string{"write", "close write", "close"}
	theirs := []string{"data", "eof", "finish"}
	for _, skipped := range []string{"", "close write", "eof", "close write, eof"} {
		for mask := range 1 << 6 {
			a, b := ours, theirs
			var order []string
			for i := range 6 {
				if from := []*[]string{&a, &b}[mask>>i&1]; len(*from) > 0 {
					if !strings.Contains(skipped, (*from)[0]) {
						order = append(order, (*from)[0])
					}
					*from = (*from)[1:]
				}
			}
			if len(a) > 0 || len(b) > 0 {
				continue // another mask has the same order with all of them
			}
			t.Run(strings.Join(order, ", "), func(t *testing.T) { endIn(t, order) })
		}
	}
}

func endIn(t *testing.T, order []string) {
	budget := &Budget{Most: 1 << 20}
	c, p := open(Config{Budget: budget})
	var closed, finished, ended bool
	for _, what := range order {
		switch what {
		case "write":
			n, err := c.Write([]byte("hello"))
			if finished != (err != nil) || err == nil && n != 5 || err != nil && err != io.EOF {
				t.Errorf("Write: %d, %v", n, err)
			}
		case "close write":
			c.CloseWrite()
			ended = true
		case "close":
			if err := c.Close(); finished != (err != nil) {
				t.Errorf("Close: %v", err)
			}
			closed = true
		case "data":
			receive(t, c, 1000)
		case "eof":
			c.EOF()
		case "finish":
			c.Finish(io.EOF, true)
			<-c.Done()
			c.AnswerClose()
			finished = true
		}
		if closed || ended || finished {
			if _, err := c.Write([]byte("late")); err != io.EOF {
				t.Errorf("Write after %q: %v", what, err)
			}
		}
		if closed {
			if _, err := c.SendRequest("late", true, nil); err != io.EOF {
				t.Errorf("SendRequest after %q: %v", what, err)
			}
			if err := c.Close(); err != io.EOF {
				t.Errorf("second Close after %q: %v", what, err)
			}
		}
	}
	if got, err := io.ReadAll(c); len(got) != 1000 || err != nil {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	if got, err := io.ReadAll(c.Stderr()); len(got) != 0 || err != nil {
		t.Errorf("read %d bytes of errors, %v", len(got), err)
	}
	if !c.Closed() {
		t.Error("the peer has closed, and Closed says no")
	}
	if n := budget.Kept(); n != 0 || len(budget.channels) != 0 {
		t.Errorf("%d bytes of %d channels are kept", n, len(budget.channels))
	}
	said := strings.Split(p.said(), ", ")
	if at := slices.Index(said, "close"); at != len(said)-1 {
		t.Errorf("said %q", said)
	}
	if at := slices.Index(said, "eof"); at >= 0 && at != len(said)-2 {
		t.Errorf("said %q", said)
	}
}

// The end of the connection ends every call.
func TestEveryCallEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := errors.New("lost")
		c, _ := open(Config{})
		late, p := open(Config{})
		receive(t, late, 64<<10)
		unopened := New(Config{Wire: &paper{}})
		starved, _ := open(Config{})
		starved.Write(make([]byte, 64<<10))
		errs := make(chan error)
		calls := []func() error{
			func() error { _, err := c.Read(make([]byte, 1)); return err },
			func() error { _, err := c.Stderr().Read(make([]byte, 1)); return err },
			func() error { _, err := c.SendRequest("x", true, nil); return err },
			func() error { _, err := starved.Write(make([]byte, 1)); return err },
			func() error { _, err := starved.Stderr().Write(make([]byte, 1)); return err },
			func() error { return starved.WriteMessage(make([]byte, 9), 9) },
			unopened.WaitOpen,
			func() error { _, err := unopened.Write(make([]byte, 1)); return err },
		}
		for _, f := range calls {
			go func() { errs <- f() }()
		}
		synctest.Wait()
		for _, c := range []*Channel{c, unopened, starved, late} {
			c.Finish(lost, false)
			c.Finish(io.EOF, true) // the first counts
			if c.Closed() {
				t.Error("a connection that is lost is no close")
			}
		}
		for range calls {
			if err := <-errs; err != lost {
				t.Errorf("got %v", err)
			}
		}
		p.said()
		if n, err := io.ReadFull(late, make([]byte, 64<<10)); err != nil {
			t.Errorf("what came before the end: %d bytes, %v", n, err)
		}
		p.expect(t, "") // nobody is there for more window
	})
}

// A refusal is what every use of the channel tells.
func TestRefusal(t *testing.T) {
	refused := &ssh.OpenChannelError{Reason: ssh.Prohibited, Message: "not here"}
	c := New(Config{Wire: &paper{}, Credit: 100, Largest: 100, MaxCredit: 100})
	answer, err := c.Ask("exec", nil) // in the flight of the opening
	if err != nil {
		t.Fatal(err)
	}
	c.Finish(refused, true)
	if c.Open(1, 1) {
		t.Error("opened after the refusal")
	}
	if _, err := answer(); err != refused {
		t.Errorf("the answer: %v", err)
	}
	if _, err := c.Ask("exec", nil); err != refused {
		t.Errorf("Ask: %v", err)
	}
	if err := c.WaitOpen(); err != refused {
		t.Errorf("WaitOpen: %v", err)
	}
	if _, err := c.Read(make([]byte, 1)); err != refused {
		t.Errorf("Read: %v", err)
	}
	c, _ = open(Config{})
	if err := c.WaitOpen(); err != nil {
		t.Errorf("WaitOpen: %v", err)
	}
	if c.Open(1, 1) {
		t.Error("opened twice")
	}
}

// Close ends a Write that waits for window, and nothing is said after it.
func TestCloseEndsAWriteThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := open(Config{})
		wrote := make(chan error)
		go func() { _, err := c.Write(make([]byte, 100<<10)); wrote <- err }()
		synctest.Wait()
		c.Close()
		if err := <-wrote; err != io.EOF {
			t.Errorf("Write: %v", err)
		}
		c.More(1 << 20)
		c.CloseWrite()
		receive(t, c, 60<<10)
		read(t, c, 60<<10) // as much as would be worth a window
		p.expect(t, "data 32768, data 32768, starved, close")
	})
}

// Several requests cost one round trip, and each gets its own answer.
func TestAnswersComeInTheOrderOfTheRequests(t *testing.T) {
	c, p := open(Config{})
	c.Answer(true) // to nothing
	var answers []func() (bool, error)
	for i := range 10 {
		if _, err := c.SendRequest("too long", i%2 == 0, nil); err == nil || err == io.EOF {
			t.Fatalf("a request that can't leave: %v", err)
		}
		answer, err := c.Ask(fmt.Sprint(i), nil)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, answer)
		c.SendRequest("quiet", false, nil) // has none
	}
	for i := range 9 {
		c.Answer(i%3 == 0)
	}
	c.Finish(io.EOF, true)
	for i := 9; i >= 0; i-- { // whoever asks first
		ok, err := answers[i]()
		if i == 9 {
			if ok || err != io.EOF {
				t.Errorf("no answer came: %v, %v", ok, err)
			}
		} else if ok != (i%3 == 0) || err != nil {
			t.Errorf("answer %d: %v, %v", i, ok, err)
		}
	}
	if said := p.said(); !strings.HasPrefix(said, "request 0 true, request quiet false, request 1 true") {
		t.Errorf("said %q", said)
	}
}

// Requests from many goroutines leave in the order in which their answers are given.
func TestManyAskAtOnce(t *testing.T) {
	c, p := open(Config{})
	asked := make(chan string, 100)
	go func() { // the peer says yes to even ones
		for n := 0; n < 100; {
			for _, w := range strings.Split(p.said(), ", ") {
				var i int
				if _, err := fmt.Sscanf(w, "request %d true", &i); err == nil {
					c.Answer(i%2 == 0)
					n++
				}
			}
			time.Sleep(time.Millisecond)
		}
	}()
	for i := range 100 {
		go func() {
			ok, err := c.SendRequest(fmt.Sprint(i), true, nil)
			if ok != (i%2 == 0) || err != nil {
				asked <- fmt.Sprintf("%d: %v, %v", i, ok, err)
				return
			}
			asked <- ""
		}()
	}
	for range 100 {
		if wrong := <-asked; wrong != "" {
			t.Error(wrong)
		}
	}
}

// What is written is what comes, over a pair of ends that give each other window,
// in pieces of every size.
func TestEveryByteComes(t *testing.T) {
	a, b := pair(Config{Widest: 256 << 10}, Config{Window: 10_000})
	want := make([]byte, 3<<20)
	source := rand.NewChaCha8([32]byte{1})
	source.Read(want)
	var all sync.WaitGroup
	for _, way := range [][2]io.ReadWriter{{a, b}, {b, a}, {a.Stderr(), b.Stderr()}} {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, 2))
			for at := 0; at < len(want); {
				n, err := way[0].Write(want[at:min(len(want), at+1+r.IntN(70_000))])
				if err != nil {
					t.Error(err)
					return
				}
				at += n
			}
		})
		all.Go(func() {
			got := make([]byte, len(want))
			if _, err := io.ReadFull(way[1], got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("the bytes came changed, %v", err)
			}
		})
	}
	all.Wait()
	a.Close()
	if _, err := b.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after Close: %v", err)
	}
	<-a.Done()
}

// joined is a Wire straight to the other end.
type joined struct{ to **Channel }

func (j joined) Data(b []byte, stderr bool) error   { return (*j.to).Receive(b, stderr) }
func (j joined) Window(n int) error                 { (*j.to).More(uint32(n)); return nil }
func (j joined) Growth(n int) error                 { (*j.to).Grown(uint32(n)); return nil }
func (j joined) Starved() error                     { (*j.to).Starved(); return nil }
func (j joined) Request(string, bool, []byte) error { return nil }
func (j joined) EOF() error                         { (*j.to).EOF(); return nil }
func (j joined) Close() error {
	c := *j.to
	c.Finish(io.EOF, true)
	go c.AnswerClose()
	return nil
}

// pair returns two ends that are joined.
func pair(x, y Config) (a, b *Channel) {
	for _, c := range []*Config{&x, &y} {
		if c.Window == 0 {
			c.Window = 64 << 10
		}
		c.MaxCredit = 1 << 30
	}
	x.Wire, y.Wire = joined{&b}, joined{&a}
	a, b = New(x), New(y)
	a.Open(uint32(y.Window), 32<<10)
	b.Open(uint32(x.Window), 32<<10)
	return a, b
}
