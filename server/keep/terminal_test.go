package keep

import (
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tssh/notify/screen"
	"tssh/proxy/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// sink is a channel and its client, which are there, slow, or away.
type sink struct {
	mu    sync.Mutex
	moved sync.Cond
	got   []byte
	room  int  // bytes taken before it stands still; -1: all
	dead  bool // is not heard either
	heard time.Time
	asked int
}

func newSink() *sink {
	s := &sink{room: -1, heard: time.Now()}
	s.moved.L = &s.mu
	return s
}

func (s *sink) Write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n < len(p) {
		for s.room == 0 {
			s.moved.Wait()
		}
		k := len(p) - n
		if s.room > 0 {
			k = min(k, s.room)
			s.room -= k
		}
		s.got = append(s.got, p[n:n+k]...)
		n += k
	}
	return n, nil
}

func (s *sink) set(room int, dead bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room, s.dead = room, dead
	if !dead {
		s.heard = time.Now()
	}
	s.moved.Broadcast()
}

func (s *sink) Heard() (time.Time, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heard, 100 * time.Millisecond
}

func (s *sink) Ask() {
	s.mu.Lock()
	dead := s.dead
	s.asked++
	s.mu.Unlock()
	if !dead {
		time.Sleep(100 * time.Millisecond)
		s.mu.Lock()
		s.heard = time.Now()
		s.mu.Unlock()
	}
}

func (s *sink) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.got)
}

// program writes to a terminal of that kind and counts what was read of it.
type program struct {
	*Terminal
	in *io.PipeWriter

	mu    sync.Mutex
	wrote int
}

func run(c Config) *program {
	r, w := io.Pipe()
	p := &program{Terminal: NewTerminal(r, 80, 24, c), in: w}
	go p.Run()
	return p
}

// print writes, in its own time.
func (p *program) print(text string) {
	go func() {
		for b := []byte(text); len(b) > 0; {
			n, err := p.in.Write(b[:min(len(b), 4000)])
			p.mu.Lock()
			p.wrote += n
			p.mu.Unlock()
			if b = b[n:]; err != nil {
				return
			}
		}
	}()
}

func (p *program) written() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wrote
}

func (p *program) end(j *Joint) {
	p.in.Close()
	<-j.Done()
	p.Close()
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "line %d of the output\r\n", i)
	}
	return b.String()
}

func after(d time.Duration) { time.Sleep(d); synctest.Wait() }

// TestSlowIsNotAway: a client that is there holds the program up, for hours.
func TestSlowIsNotAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := newSink(), run(Config{Limit: 1 << 20, Lasting: true})
		j := p.Join(s, s, true)
		s.set(1000, false)
		text := numbered(100_000)
		p.print(text)
		after(5 * time.Hour)
		if n := p.written(); n > 3*small {
			t.Errorf("%d bytes were read for one who has stopped his terminal", n)
		}
		if s.asked > 5*60*60/20 {
			t.Errorf("asked %d times", s.asked)
		}
		s.set(-1, false)
		after(time.Minute)
		p.end(j)
		if s.text() != text {
			t.Error("not what was written")
		}
	})
}

// TestAwayProgramGoesOn: what fits comes as it was written.
func TestAwayProgramGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := newSink(), run(Config{Limit: 1 << 20, Lasting: true})
		j := p.Join(s, s, true)
		text := numbered(20_000) + "\x1b[6n" // also a question
		s.set(1000, true)
		p.print(text)
		after(1900 * time.Millisecond)
		if n := p.written(); n > 3*small {
			t.Errorf("%d bytes after less than two seconds", n)
		}
		after(3 * time.Second)
		if n := p.written(); n != len(text) {
			t.Errorf("stands after %d of %d bytes", n, len(text))
		}
		after(10 * time.Hour)
		s.set(-1, false)
		after(time.Millisecond)
		if s.text() != text {
			t.Error("not what was written")
		}
		p.end(j)
	})
}

// TestNothingIsKept has the program wait, for a client that is away and for none.
func TestNothingIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := newSink(), run(Config{Lasting: true})
		j := p.Join(s, s, true)
		text := numbered(20_000)
		s.set(1000, true)
		p.print(text)
		after(time.Hour)
		if n := p.written(); n > 3*small {
			t.Errorf("away: %d bytes", n)
		}
		j.Leave()
		after(time.Hour)
		if n := p.written(); n > 3*small {
			t.Errorf("left: %d bytes", n)
		}
		s.set(-1, false)
		other := newSink()
		j = p.Join(other, other, false)
		after(time.Second)
		p.end(j)
		if got := other.text(); !strings.HasSuffix(got, text[len(text)/2:]) {
			t.Errorf("%d bytes came", len(got))
		}
	})
}

// see shows a terminal what came, and returns its screen.
func see(cols, rows int, text string) *screen.Screen {
	s := screen.New(cols, rows, screen.Config{History: 16 << 20})
	s.Feed([]byte(text))
	return s
}

func same(t *testing.T, what string, got, want *screen.Screen) {
	t.Helper()
	// Once more, as there are two ways to say that something is as at the beginning.
	const unused = "\x1b[?1047h\x1b[<16u\x1b[=0;1u\x1b[1;1H\x1b7\x1b[?1047l"
	a, b := see(80, 24, string(got.Redraw(0))).Redraw(0), see(80, 24, string(want.Redraw(0))).Redraw(0)
	a, b = bytes.ReplaceAll(a, []byte(unused), nil), bytes.ReplaceAll(b, []byte(unused), nil)
	if !bytes.Equal(a, b) {
		n := 0
		for n < min(len(a), len(b)) && a[n] == b[n] {
			n++
		}
		t.Errorf("%s: the screen is another one:\n%.300q\nnot\n%.300q", what, a[n:], b[n:])
	}
}

// TestAwayForTooMuch: the screen is what it would be, and a line tells of what is
// left out.
func TestAwayForTooMuch(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		marked bool
	}{
		"build":     {numbered(300_000) + "\x1b[31mred", true},
		"editor":    {"$ vi\r\n\x1b[?1049h\x1b[?2004h" + strings.Repeat("\x1b[H\x1b[2J\x1b[5;7Hsome text\x1b[24;1H-- INSERT --", 100_000), false},
		"left":      {"\x1b[?1049h" + strings.Repeat("\x1b[Hx\x1b[2J", 200_000) + "\x1b[?1049l" + numbered(3), false},
		"progress":  {strings.Repeat("\r[####    ] 50%\x1b[K", 200_000), false},
		"cut words": {"\x1b]0;title\x1b\\" + strings.Repeat("\x1b[38;2;1;2;3m日本\x1b]8;;http://x/\a link \x1b]8;;\a\x1b[0m", 80_000), true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, p := newSink(), run(Config{Limit: 1 << 20, Lasting: true})
			j := p.Join(s, s, true)
			s.set(1000, true)
			p.print(c.text)
			after(time.Minute)
			if n := p.written(); n != len(c.text) {
				t.Errorf("%s: stands after %d of %d bytes", name, n, len(c.text))
			}
			s.set(-1, false)
			after(time.Second)
			got := s.text()
			if marked := strings.Count(got, "tssh: left out here"); marked != map[bool]int{true: 1}[c.marked] {
				t.Errorf("%s: %d marks", name, marked)
			}
			if len(got) > 1<<20+200<<10 {
				t.Errorf("%s: %d bytes came", name, len(got))
			}
			if tail := c.text[len(c.text)-900<<10:]; !strings.HasSuffix(got, tail) {
				t.Errorf("%s: not the tail", name)
			}
			same(t, name, see(80, 24, got), see(80, 24, c.text))
			p.print("$ ")
			after(time.Second)
			p.end(j)
			if !strings.HasSuffix(s.text(), "$ ") {
				t.Errorf("%s: it does not go on", name)
			}
		})
	}
}

// TestWriteGoesOnByItself, as the transport tries again: nobody is back by that.
func TestWriteGoesOnByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := newSink(), run(Config{Limit: 1 << 20, Lasting: true})
		j := p.Join(s, s, true)
		s.set(1000, true)
		p.print(numbered(100_000))
		after(time.Minute)
		s.set(100_000, true)
		p.print(numbered(100_000))
		after(time.Minute)
		s.set(-1, false)
		after(time.Second)
		p.end(j)
		if n := strings.Count(s.text(), "tssh: left out here"); n != 1 {
			t.Errorf("%d marks", n)
		}
		same(t, "at last", see(80, 24, s.text()), see(80, 24, numbered(100_000)))
	})
}

// TestInterruptLeavesTheRestOut of what is shown of an absence, and of nothing else.
func TestInterruptLeavesTheRestOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := newSink(), run(Config{Limit: 1 << 20, Lasting: true})
		j := p.Join(s, s, true)
		p.Interrupt()
		text := numbered(30_000)
		s.set(1000, true)
		p.print(text)
		after(time.Minute)
		s.set(100_000, false)
		after(time.Second)
		p.Interrupt()
		p.print("^C\r\n$ ")
		s.set(-1, false)
		after(time.Second)
		p.end(j)
		got := s.text()
		if len(got) > 200_000 || strings.Count(got, "tssh: left out here") != 1 {
			t.Errorf("%d bytes came", len(got))
		}
		same(t, "after ^C", see(80, 24, got), see(80, 24, text+"^C\r\n$ "))
	})
}

// TestJoinedLater: any terminal gets the screen, lines before it, what nobody took,
// and no questions.
func TestJoinedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := newSink(), run(Config{Limit: 1 << 20, Lasting: true})
		p.print(numbered(5000))
		j := p.Join(s, s, true)
		after(time.Second)
		s.set(0, true)
		p.print("stuck\r\n")
		after(time.Minute)
		j.Leave()
		p.print("\x1b[6n\x1b[31mred\x1b[c\r\n$ \x1b[")
		after(time.Minute)
		other := newSink()
		next := p.Join(other, other, false)
		synctest.Wait()
		p.print("1mbold\x1b[6n")
		after(time.Second)
		got := other.text()
		if strings.Count(got, "\x1b[6n") != 1 || strings.Contains(got, "\x1b[c") {
			t.Error("a question of before is asked again")
		}
		for _, want := range []string{"line 4500 ", "line 4999 ", "stuck"} {
			if strings.Count(got, want) != 1 {
				t.Errorf("%q comes %d times", want, strings.Count(got, want))
			}
		}
		same(t, "joined later", see(80, 24, got), see(80, 24, numbered(5000)+"stuck\r\n\x1b[31mred\r\n$ \x1b[1mbold"))
		s.set(-1, false)
		p.end(next)
	})
}

// TestRacingJoins: one has the terminal in the end, the others know that they don't.
func TestRacingJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := run(Config{Limit: 1 << 20, Lasting: true})
		s := newSink()
		p.Join(s, s, true)
		p.print(numbered(1000))
		after(time.Second)
		joints, sinks := make([]*Joint, 50), make([]*sink, 50)
		var all sync.WaitGroup
		for i := range joints {
			sinks[i] = newSink()
			all.Go(func() { joints[i] = p.Join(sinks[i], sinks[i], false) })
		}
		all.Wait()
		p.print("now")
		after(time.Second)
		winners := 0
		for i, j := range joints {
			if j.Joined() {
				winners++
				if !strings.HasSuffix(sinks[i].text(), "now") {
					t.Error("the winner does not get the output")
				}
				defer p.end(j)
			} else if !j.Parted() || strings.HasSuffix(sinks[i].text(), "now") {
				t.Error("a loser gets the output")
			}
		}
		if winners != 1 {
			t.Errorf("%d have it", winners)
		}
	})
}

// TestHostileProgram can take neither memory nor time.
func TestHostileProgram(t *testing.T) {
	garbage := make([]byte, 1<<20)
	rand.New(rand.NewSource(1)).Read(garbage)
	for name, text := range map[string]string{
		"garbage":    string(garbage),
		"parameters": strings.Repeat("\x1b[999999999;999999999;999999999b\x1b[99999999@\x1b[999999999L", 20_000),
		"string":     "\x1b]0;" + strings.Repeat("x", 1<<20),
		"marks":      "e" + strings.Repeat("\u0301", 500_000),
		"links":      strings.Repeat("\x1b]8;;http://example.com/"+strings.Repeat("y", 500)+"\ax", 2000),
	} {
		synctest.Test(t, func(t *testing.T) {
			s, p := newSink(), run(Config{Limit: 1 << 18, Lasting: true})
			j := p.Join(s, s, true)
			s.set(0, true)
			var before, now runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for range 10 {
				p.print(text)
				after(time.Minute)
			}
			runtime.GC()
			runtime.ReadMemStats(&now)
			if n := int64(now.HeapAlloc) - int64(before.HeapAlloc); n > 4<<20 {
				t.Errorf("%s: %d bytes", name, n)
			}
			s.set(-1, false)
			after(time.Second)
			if n := len(s.text()); n > 8<<20 {
				t.Errorf("%s: %d bytes come back", name, n)
			}
			p.end(j)
		})
	}
}

// TestBytesAreSacred whatever the client does, as long as it fits.
func TestBytesAreSacred(t *testing.T) {
	for seed := range int64(20) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewSource(seed))
			s, p := newSink(), run(Config{Limit: 1 << 20, Lasting: true})
			j := p.Join(s, s, true)
			var text strings.Builder
			for range 30 {
				part := make([]byte, r.Intn(60_000))
				r.Read(part)
				text.Write(part)
				p.print(string(part))
				switch r.Intn(4) {
				case 0:
					s.set(r.Intn(50_000), true)
				case 1:
					s.set(r.Intn(50_000), false)
				case 2:
					s.set(-1, false)
				}
				after(time.Duration(r.Intn(8)) * time.Second)
				for p.written() < text.Len() { // one part after the other
					s.set(50_000, false)
					after(time.Second)
				}
			}
			s.set(-1, false)
			after(time.Second)
			p.end(j)
			if s.text() != text.String() {
				t.Errorf("seed %d: %d bytes came of %d", seed, len(s.text()), text.Len())
			}
		})
	}
}
