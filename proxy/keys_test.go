package proxy

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"tssh/proxy/simnet"
)

// TestKeysPassWhereAFifthIsLost: hardly one waits for a loss to be noticed, however
// often another socket's knock is answered first.
func TestKeysPassWhereAFifthIsLost(t *testing.T) {
	const delay = 150 * time.Millisecond
	story(t, simnet.Link{Delay: delay, Loss: 0.2}, func(s *session) {
		time.Sleep(20 * time.Second) // until the loss is known
		var mu sync.Mutex            // guards typed
		var typed []time.Time
		var took []time.Duration
		done := make(chan struct{})
		const keys = 1000
		go func() {
			defer close(done)
			for len(took) < keys {
				for range <-s.got {
					mu.Lock()
					took = append(took, time.Since(typed[len(took)]))
					mu.Unlock()
				}
			}
		}()
		rng := rand.New(rand.NewPCG(1, 2))
		for range keys {
			time.Sleep(time.Duration(rng.ExpFloat64() * float64(150*time.Millisecond)))
			mu.Lock()
			typed = append(typed, time.Now())
			mu.Unlock()
			s.write("x")
		}
		<-done
		slices.Sort(took)
		t.Logf("echoes: half %v, 90%% %v, 99%% %v", took[keys/2], took[keys*9/10], took[keys*99/100])
		if at := took[keys*9/10]; at > 3*delay {
			t.Errorf("every tenth echo takes %v and more", at)
		}
	})
}
