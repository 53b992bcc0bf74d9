//go:build unix

package control

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func idle() *Master {
	return &Master{exit: make(chan struct{}), changed: make(chan struct{})}
}

// ControlPersist counts from the last client's end, and anew after each.
func TestPersistCountsFromTheLastClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, begin := idle(), time.Now()
		release := m.Hold()
		go func() {
			time.Sleep(time.Minute)
			release()
			time.Sleep(9 * time.Second)
			again := m.Hold()
			time.Sleep(time.Minute)
			again()
		}()
		if err := m.Wait(t.Context(), 10*time.Second); err != nil {
			t.Error(err)
		}
		if got, want := time.Since(begin), 2*time.Minute+19*time.Second; got != want {
			t.Errorf("ended after %v, want %v", got, want)
		}
	})
}

func TestPersistForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1000*time.Hour)
		defer cancel()
		if err := idle().Wait(ctx, -1); err != context.DeadlineExceeded {
			t.Errorf("ended: %v", err)
		}
	})
}

func TestWithoutPersistTheLastClientEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, begin := idle(), time.Now()
		release := m.Hold()
		time.AfterFunc(time.Second, release)
		if err := m.Wait(t.Context(), 0); err != nil {
			t.Error(err)
		}
		if got := time.Since(begin); got != time.Second {
			t.Errorf("ended after %v", got)
		}
	})
}
