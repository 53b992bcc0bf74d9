package proxy

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"tssh/proxy/simnet"
)

// transfer sends n bytes to the server and back, while during runs, and
// checks that they are the same ones.
func (s *session) transfer(n int, during func()) time.Duration {
	s.t.Helper()
	start := time.Now()
	stream, err := s.bulky().OpenStreamSync(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	there, back := sha256.New(), sha256.New()
	go func() {
		io.Copy(io.MultiWriter(stream, there), io.LimitReader(source(7), int64(n)))
		stream.Close()
	}()
	done := make(chan error, 1)
	go func() {
		got, err := io.Copy(back, stream)
		if err == nil && got != int64(n) {
			err = fmt.Errorf("%d bytes came back, %d were sent", got, n)
		}
		done <- err
	}()
	finished := make(chan struct{})
	if during != nil {
		go func() { during(); close(finished) }()
	} else {
		close(finished)
	}
	select {
	case err = <-done:
	case <-time.After(time.Hour):
		err = fmt.Errorf("no end after an hour; client %+v, server %+v", s.client.State(), s.server.State())
	}
	if err != nil {
		s.t.Fatal(err)
	}
	<-finished
	if !bytes.Equal(sum(there), sum(back)) {
		s.t.Error("other bytes came back")
	}
	return time.Since(start)
}

func sum(h hash.Hash) []byte { return h.Sum(nil) }

// source is random bytes without end.
func source(seed uint64) io.Reader {
	return rand.NewChaCha8([32]byte{byte(seed)})
}

func TestTransferIsExactOverAnyNetwork(t *testing.T) {
	for name, link := range map[string]simnet.Link{
		"good":     {Delay: 15 * time.Millisecond, Rate: 4 << 20},
		"lossy":    {Delay: 15 * time.Millisecond, Rate: 4 << 20, Loss: 0.03},
		"jittery":  {Delay: 15 * time.Millisecond, Rate: 4 << 20, Jitter: 20 * time.Millisecond},
		"repeated": {Delay: 15 * time.Millisecond, Rate: 4 << 20, Duplicate: 0.2},
		"narrow":   {Delay: 15 * time.Millisecond, Rate: 4 << 20, MTU: 1280},
		"narrower": {Delay: 15 * time.Millisecond, Rate: 4 << 20, MTU: 1200},
		"awful":    {Delay: 50 * time.Millisecond, Rate: 1 << 20, Loss: 0.1, Jitter: 50 * time.Millisecond, Duplicate: 0.1, MTU: 1280},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, link, func(s *session) {
				t.Logf("2 MiB there and back: %s, %+v", s.transfer(2<<20, nil), s.client.State())
			})
		})
	}
}

func TestTransferOutlivesHundredMoves(t *testing.T) {
	story(t, simnet.Link{Delay: 15 * time.Millisecond, Rate: 4 << 20}, func(s *session) {
		took := s.transfer(16<<20, func() {
			for i := range 100 {
				time.Sleep(200 * time.Millisecond)
				s.phone.Move(fmt.Sprintf("10.1.%d.2", i), fmt.Sprintf("fd00::1:%x", i))
				if i%10 == 9 {
					s.phone.Move(fmt.Sprintf("fd00::2:%x", i)) // IPv6 only for a while
				}
			}
		})
		t.Logf("16 MiB there and back with 100 moves: %s", took)
		if took > 2*time.Minute {
			t.Errorf("took %s", took)
		}
	})
}

func TestTransferOutlivesBlackouts(t *testing.T) {
	story(t, simnet.Link{Delay: 15 * time.Millisecond, Rate: 4 << 20}, func(s *session) {
		took := s.transfer(16<<20, func() {
			for range 10 {
				time.Sleep(500 * time.Millisecond)
				s.phone.Change(func(l *simnet.Link) { l.Down = true })
				time.Sleep(30 * time.Second)
				s.phone.Change(func(l *simnet.Link) { l.Down = false })
			}
		})
		t.Logf("16 MiB with ten blackouts of 30 s: %s", took)
		if took > 6*time.Minute {
			t.Errorf("took %s", took)
		}
	})
}

func TestRoamIntoNarrowVPN(t *testing.T) {
	story(t, simnet.Link{Delay: 15 * time.Millisecond, Rate: 4 << 20}, func(s *session) {
		took := s.transfer(8<<20, func() {
			time.Sleep(2 * time.Second) // large packets were found to pass by now
			s.phone.Change(func(l *simnet.Link) { l.MTU = 1250 })
			s.phone.Move("10.200.0.2")
		})
		t.Logf("8 MiB: %s", took)
		if took > time.Minute {
			t.Errorf("took %s", took)
		}
	})
}

func TestIdleSessionIsQuiet(t *testing.T) {
	story(t, wifi, func(s *session) {
		time.Sleep(time.Minute)
		var mu sync.Mutex
		var up, down int
		s.phone.Tap(func(p simnet.Packet) {
			mu.Lock()
			defer mu.Unlock()
			if p.To.Addr() == s.far.Addr(0).Addr() {
				up++
			} else {
				down++
			}
		})
		time.Sleep(10 * time.Minute)
		mu.Lock()
		defer mu.Unlock()
		t.Logf("in ten minutes: %d packets up, %d down", up, down)
		if up > 200 || down > 200 {
			t.Errorf("idle: %d packets up and %d down in ten minutes, at most 20 a minute are allowed", up, down)
		}
	})
}
