package channel

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// Window is given as the user reads, a quarter at a time, and never so much that
// more than the window may be under way or unread.
func TestWindowIsGivenAsItIsRead(t *testing.T) {
	const window = 64 << 10
	c, p := open(Config{Window: window})
	receive(t, c, window)
	read(t, c, window/4-1)
	p.expect(t, "")
	read(t, c, 1)
	p.expect(t, "window 16384")
	read(t, c, window-window/4)
	p.expect(t, "window 49152")
	r := rand.New(rand.NewPCG(1, 2))
	credit, unread, errs := window, 0, 0
	for range 10000 {
		if n := min(credit, r.IntN(window)); n > 0 {
			receive(t, c, n)
			credit, unread = credit-n, unread+n
		}
		if n := min(credit, r.IntN(window)); n > 0 && errs == 0 {
			c.Receive(make([]byte, n), true)
			credit, errs = credit-n, n
		}
		if n := min(unread, r.IntN(window)); n > 0 {
			read(t, c, n)
			unread -= n
		}
		if r.IntN(3) == 0 {
			io.ReadFull(c.Stderr(), make([]byte, errs))
			errs = 0
		}
		p.mu.Lock()
		words := p.words
		p.words = nil
		p.mu.Unlock()
		for _, w := range words {
			credit += number(t, w, "window ")
		}
		if credit+unread+errs > window {
			t.Fatalf("%d may come, %d are unread", credit, unread+errs)
		}
		if unread+errs == 0 && credit <= window*3/4 {
			t.Fatalf("all is read, and %d may come", credit)
		}
	}
}

// A peer that says it measures gets window in small steps.
func TestWindowInSmallSteps(t *testing.T) {
	c, p := open(Config{Window: 2 << 20})
	receive(t, c, 100<<10)
	read(t, c, 50<<10)
	p.expect(t, "")
	c.Prompt()
	read(t, c, 1)
	p.expect(t, "window 51201")
	read(t, c, terminalStep)
	p.expect(t, "window 8192")
}

// A Read does not wait for a Write that the network holds up: the window is told by
// whoever writes next.
func TestReadDoesNotWaitForAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := open(Config{})
		release := p.hold()
		wrote := make(chan struct{})
		go func() { c.Write([]byte("x")); close(wrote) }()
		synctest.Wait()
		receive(t, c, 40<<10)
		read(t, c, 20<<10)
		read(t, c, 20<<10)
		p.expect(t, "")
		release()
		<-wrote
		p.expect(t, "data 1, window 40960")
	})
}

// Data leave as far as the peer has room, in pieces that it takes.
func TestWriteWaitsForWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &paper{}
		c := New(Config{Wire: p, Window: 1, MaxCredit: 5000})
		wrote := make(chan error)
		go func() { _, err := c.Write(make([]byte, 4000)); wrote <- err }()
		synctest.Wait()
		p.expect(t, "starved")
		c.Open(1500, 1000)
		synctest.Wait()
		p.expect(t, "data 1000, data 500, starved")
		for _, more := range []func(uint32) bool{c.More, c.Grown} {
			if !more(700) {
				t.Error("refused")
			}
			synctest.Wait()
			p.expect(t, "data 700, starved")
		}
		if c.More(1<<32 - 1) { // a sum of such numbers must not overflow
			t.Error("any window is believed")
		}
		if err := <-wrote; err != nil {
			t.Error(err)
		}
		p.expect(t, "data 1000, data 100")
		if c.More(5000 - 3900 + 1) {
			t.Error("more than may be is believed")
		}
		c.Stderr().Write(make([]byte, 10))
		p.expect(t, "stderr 10")
	})
}

// The window of a peer that has data and none doubles, unless our user is what it
// waits for, or it is wide enough.
func TestWindowDoublesForAStarvedPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := open(Config{Window: 64 << 10, Widest: 256 << 10})
		expect := func(want string) {
			t.Helper()
			synctest.Wait()
			p.expect(t, want)
		}
		receive(t, c, 40<<10)
		c.Starved() // by our user
		expect("")
		read(t, c, 10<<10)
		c.Starved()
		expect("growth 65536")
		for range 3 {
			c.Starved()
		}
		expect("growth 131072")
		c, p = open(Config{})
		c.Starved()
		expect("")
	})
}

// Who sends more than it may is found out; one that counts badly is borne for a bit.
func TestOverrun(t *testing.T) {
	c, _ := open(Config{Window: 1000, Overrun: 500})
	receive(t, c, 1500)
	if err := c.Receive([]byte{1}, true); err != ErrOverrun {
		t.Errorf("Receive: %v", err)
	}
	c, _ = open(Config{Window: 1000})
	from := bytes.NewReader(make([]byte, 2000))
	if err := c.ReceiveFrom(from, 1000, true); err != nil {
		t.Error(err)
	}
	if err := c.ReceiveFrom(from, 1, false); err != ErrOverrun || from.Len() != 1000 {
		t.Errorf("ReceiveFrom: %v, and %d bytes are left", err, from.Len())
	}
	c, _ = open(Config{Window: 1000})
	if err := c.ReceiveFrom(from, 0, false); err != nil {
		t.Errorf("nothing: %v", err)
	}
	if err := c.ReceiveFrom(bytes.NewReader(make([]byte, 9)), 10, false); err != io.ErrUnexpectedEOF {
		t.Errorf("what ends too early: %v", err)
	}
	c.EOF()
	receive(t, c, 10) // after the end: passed over
	if got, err := io.ReadAll(c); len(got) > 0 || err != nil {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

// Messages go whole, for what the peer counts, and come behind their heads.
func TestMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := open(Config{Credit: 1000, Largest: 600})
		for _, n := range []int{500, 601, 400} { // the second is larger than is taken
			if err := c.WriteMessage(make([]byte, n), n+4); err != nil {
				t.Error(err)
			}
		}
		p.expect(t, "data 500, data 400")
		wrote := make(chan error)
		go func() { wrote <- c.WriteMessage(make([]byte, 89), 93) }() // 92 may be sent
		synctest.Wait()
		p.expect(t, "")
		c.More(1)
		if err := <-wrote; err != nil {
			t.Error(err)
		}
		p.expect(t, "data 89")
		c.ReceiveMessage([]byte("head "), []byte("body"), false)
		b := make([]byte, 9)
		if _, err := io.ReadFull(c, b); err != nil || string(b) != "head body" {
			t.Errorf("%q, %v", b, err)
		}
	})
}

// What is kept costs no more than a few times what was sent, however it is cut, and
// comes out as it came in.
func TestMergedPiecesAreCheap(t *testing.T) {
	for _, size := range []int{1, 7, 63, 64, 65, 1000, 4095, 4096, 4097, 17 << 10, 32<<10 - 1, 32 << 10} {
		budget := &Budget{Most: 1 << 30}
		for _, from := range []string{"copied", "read"} {
			c, _ := open(Config{Window: 2 << 20, Budget: budget})
			want := make([]byte, 2<<20/size*size)
			rand.NewChaCha8([32]byte{1}).Read(want)
			for b := want; len(b) > 0; b = b[size:] {
				err := errors.New("no way")
				switch from {
				case "copied":
					err = c.Receive(b[:size], false)
				case "read":
					err = c.ReceiveFrom(bytes.NewReader(b), size, false)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			cost := budget.Kept()
			if cost < len(want) || cost > 5*len(want)/2 {
				t.Errorf("%d bytes %s in pieces of %d cost %d", len(want), from, size, cost)
			}
			if n := len(c.data.chunks); n > 2*len(want)/mostChunk+20 {
				t.Errorf("%d bytes %s in pieces of %d are in %d chunks", len(want), from, size, n)
			}
			c.EOF()
			if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, want) {
				t.Errorf("pieces of %d %s came changed, %v", size, from, err)
			}
			if n := budget.Kept(); n != 0 {
				t.Errorf("%d bytes are counted and not kept", n)
			}
		}
	}
}

// A key that waits does not hold a large array.
func TestAKeyIsCheap(t *testing.T) {
	budget := &Budget{Most: 1 << 30}
	c, _ := open(Config{Budget: budget})
	receive(t, c, 1)
	if n := budget.Kept(); n > leastChunk {
		t.Errorf("a byte costs %d", n)
	}
}

// Who keeps most goes, with a word to its user, and nobody else.
func TestWhoKeepsMostGoes(t *testing.T) {
	for range 10 { // they are looked at in any order
		whoKeepsMost(t)
	}
}

func whoKeepsMost(t *testing.T) {
	t.Helper()
	budget := &Budget{Most: 300 << 10}
	var all [3]*Channel
	var told [3]bool
	for i, n := range []int{100 << 10, 150 << 10, 40 << 10} {
		all[i], _ = open(Config{Window: 1 << 20, Budget: budget, Abandon: func() { told[i] = true }})
		receive(t, all[i], n)
	}
	all[2].Reading(100 << 10) // less than the second
	for i, want := range []error{nil, ErrHoard, nil} {
		n, err := all[i].Read(make([]byte, 10))
		if err != want || want != nil && n > 0 {
			t.Errorf("channel %d: read %d, %v", i, n, err)
		}
		if told[i] != (want != nil) {
			t.Errorf("channel %d: its framing was told %v", i, told[i])
		}
	}
	gone := all[1]
	if _, err := gone.Write([]byte("x")); err != ErrHoard {
		t.Errorf("Write: %v", err)
	}
	if err := gone.ReceiveFrom(bytes.NewReader([]byte("x")), 1, false); err != ErrHoard {
		t.Errorf("more data: %v", err)
	}
	receive(t, gone, 1) // is passed over
	gone.Finish(io.EOF, true)
	if _, err := gone.Read(make([]byte, 1)); err != ErrHoard {
		t.Errorf("after the end: %v", err)
	}
	kept := budget.Kept()
	all[2].Reading(0)
	if got := budget.Kept(); got != kept-100<<10 {
		t.Errorf("%d bytes are kept, not %d", got, kept-100<<10)
	}
	all[0].Close() // whose peer goes on
	receive(t, all[0], 32<<10)
	if got := budget.Kept(); got < kept-100<<10+32<<10 {
		t.Errorf("%d bytes are kept of a channel that only its user has closed", got)
	}
	// What was left behind counts no more when both have closed.
	for _, c := range all {
		c.Close()
		c.Finish(io.EOF, true)
	}
	if got := budget.Kept(); got != 0 || len(budget.channels) != 0 {
		t.Errorf("%d bytes of %d channels are kept after all closed", got, len(budget.channels))
	}
	if n, err := io.ReadAll(all[0]); len(n) != 132<<10-10 || err != nil {
		t.Errorf("what came before the close: %d bytes, %v", len(n), err)
	}
}

// Requests wait for a user, then the peer does, and they count until they are taken.
func TestRequestsThatNobodyTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := &Budget{Most: 100 << 10}
		abandoned := false
		c, _ := open(Config{Budget: budget, Abandon: func() { abandoned = true }})
		gone := make(chan struct{})
		q := NewRequests[int](c, gone)
		given := make(chan int)
		go func() {
			for i := range 20 {
				q.Give(i, 1000+i)
				given <- i
			}
			q.End()
			close(given)
		}()
		count := func(want int) {
			t.Helper()
			c.keeps() // the user tells nobody
			if got := budget.Kept(); got != want {
				t.Errorf("%d bytes are kept, not %d", got, want)
			}
		}
		for range Backlog {
			<-given
		}
		synctest.Wait()
		count(17_000 + 16*17/2) // one waits for room
		for i := range 10 {
			if got := <-q.User(); got != i {
				t.Errorf("request %d is %d", i, got)
			}
		}
		for range given {
		}
		count(10_000 + 10 + 11 + 12 + 13 + 14 + 15 + 16 + 17 + 18 + 19)
		for i := 10; i < 20; i++ {
			if got := <-q.User(); got != i {
				t.Errorf("request %d is %d", i, got)
			}
		}
		count(0)
		if _, more := <-q.User(); more || abandoned {
			t.Error("more requests than there were, or too many")
		}
	})
}

// Requests that are too much end their channel, and whoever waits to give another.
func TestRequestsThatAreTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, how := range []string{"budget", "connection"} {
			budget := &Budget{Most: 100 << 10}
			abandoned := false
			c, _ := open(Config{Budget: budget, Abandon: func() { abandoned = true }})
			gone := make(chan struct{})
			q := NewRequests[int](c, gone)
			done := make(chan struct{})
			go func() {
				for i := range Backlog + 5 {
					q.Give(i, 1000)
				}
				q.End()
				close(done)
			}()
			synctest.Wait()
			if how == "budget" {
				budget.Most = 10 << 10
				budget.relieve()
			} else {
				close(gone)
			}
			<-done
			if abandoned != (how == "budget") {
				t.Errorf("%s: abandoned is %v", how, abandoned)
			}
			if n := len(q.queue); how == "budget" && n > 0 {
				t.Errorf("%d requests are still there", n)
			}
		}
	})
}

// A terminal that floods has about what the path holds under way, whichever end
// measures; and the path is used.
func TestFloodOfATerminalKeepsLittleUnderWay(t *testing.T) {
	const delay, rate = 50 * time.Millisecond, 1_250_000 // one way; bytes a second
	for _, by := range []string{"who reads", "who writes"} {
		t.Run(by, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := &road{rate: rate, delay: delay}, &road{rate: rate, delay: delay}
				window := 64 << 10
				config := Config{Window: window, Full: 2 << 20, MaxCredit: 1 << 30}
				if by == "who writes" {
					config.Window, config.Full = 2<<20, 0
				}
				config.Wire = near
				reader := New(config)
				writer := New(Config{Wire: far, Credit: config.Window, Largest: 32 << 10, MaxCredit: 1 << 30})
				near.to, far.to = writer, reader
				writer.Open(0, 32<<10)
				reader.Open(1000, 32<<10)
				if by == "who writes" {
					writer.Interactive()
					reader.Prompt()
				} else {
					reader.SendRequest("pty-req", false, nil)
				}
				go func() {
					for {
						if _, err := writer.Write(make([]byte, 4<<10)); err != nil {
							return
						}
					}
				}()
				began, total := time.Now(), 0
				b := make([]byte, 32<<10)
				most := 0
				for time.Since(began) < 30*time.Second {
					n, err := reader.Read(b)
					if err != nil {
						t.Fatal(err)
					}
					total += n
					if time.Since(began) > 10*time.Second {
						most = max(most, far.underWay())
					}
				}
				if got := float64(total) / 30; got < 0.7*rate {
					t.Errorf("%.0f bytes a second of %d", got, rate)
				}
				if holds := int(2 * delay.Seconds() * rate); most > 2*holds {
					t.Errorf("%d bytes under way, the path holds %d", most, holds)
				}
				t.Logf("%d bytes a second, at most %d under way", total/30, most)
				writer.Close()
				writer.Finish(io.EOF, false)
				reader.Finish(io.EOF, false)
				time.Sleep(time.Minute)
			})
		})
	}
}
