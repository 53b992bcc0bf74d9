package session

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// packet is what somebody on the way sees.
type packet struct {
	at   time.Duration
	what string // "" looks like a key
}

// watched is the way: its packets as they leave.
func watched(every time.Duration) (c *chaff, seen func() []packet) {
	var all []packet
	start := time.Now()
	c = &chaff{every: every}
	c.w = writer(func(p []byte) (int, error) {
		all = append(all, packet{time.Since(start), string(p)})
		return len(p), nil
	})
	c.fake = func() error {
		all = append(all, packet{time.Since(start), ""})
		return nil
	}
	return c, func() []packet { synctest.Wait(); return all }
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestKeysLeaveOnAGrid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const every = 20 * time.Millisecond
		c, seen := watched(every)
		for _, pause := range []time.Duration{0, 3, 57, 110, 1, 399} { // milliseconds
			time.Sleep(pause * time.Millisecond)
			c.Write([]byte("k"))
		}
		time.Sleep(5 * time.Second)
		all := seen()
		keys := 0
		for i, p := range all {
			if p.what != "" {
				keys++
			}
			if i == 0 {
				continue
			}
			if gap := p.at - all[i-1].at; gap < every*9/10 || gap > every*11/10 {
				t.Errorf("packet %d comes %s after the one before", i, gap)
			}
		}
		first, last := all[0], all[len(all)-1].at
		if keys != 6 || first.at != 0 || first.what == "" {
			t.Errorf("%d keys, the first %+v", keys, first)
		}
		if last < 570*time.Millisecond+chaffFor || last > 700*time.Millisecond+chaffFor+chaffMore {
			t.Errorf("the last packet after %s", last)
		}
	})
}

// TestPastesAreNotHeldUp and keep their place among the keys.
func TestPastesAreNotHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, seen := watched(20 * time.Millisecond)
		paste := strings.Repeat("p", 10_000)
		start := time.Now()
		c.Write([]byte("a"))
		c.Write([]byte("b"))
		began := time.Now()
		c.Write([]byte(paste))
		if took := time.Since(began); took != 0 {
			t.Errorf("a paste waited %s", took)
		}
		c.Write([]byte("c"))
		if took := time.Since(start); took > 60*time.Millisecond {
			t.Errorf("four writes took %s", took)
		}
		var got bytes.Buffer
		for _, p := range seen() {
			got.WriteString(p.what)
		}
		if got.String() != "ab"+paste+"c" {
			t.Errorf("%d bytes in another order", got.Len())
		}
		c.end()
		time.Sleep(time.Second)
		n := len(seen())
		time.Sleep(10 * time.Second)
		if more := len(seen()) - n; more != 0 {
			t.Errorf("%d packets after the end", more)
		}
	})
}

// TestChaffEndsWithTheConnection: keys fail as ever, and nothing is left behind.
func TestChaffEndsWithTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := watched(20 * time.Millisecond)
		gone := false
		good := c.w
		c.w = writer(func(p []byte) (int, error) {
			if gone {
				return 0, io.ErrClosedPipe
			}
			return good.Write(p)
		})
		c.fake = func() error {
			if gone {
				return io.ErrClosedPipe
			}
			return nil
		}
		c.Write([]byte("a"))
		gone = true
		if _, err := c.Write([]byte("b")); err != io.ErrClosedPipe {
			t.Errorf("a key on a dead connection: %v", err)
		}
		time.Sleep(time.Second) // or the bubble says what goes on
	})
}
