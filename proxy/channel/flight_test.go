package channel

import (
	"testing"
	"time"
)

// line is a queue before a line, by which flight is judged.
type line struct {
	trip time.Duration
	rate float64
	free time.Time
}

func (l *line) heardAt(now time.Time, n int) time.Time {
	if l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(n) / l.rate * 1e9))
	return l.free.Add(l.trip)
}

func TestFlightFollowsThePath(t *testing.T) {
	f := newFlight()
	l := line{trip: 50 * time.Millisecond, rate: 4e6}
	now := time.Unix(0, 0)
	type ack struct {
		at time.Time
		n  int
	}
	var acks []ack
	var queued, counted time.Duration
	run := func(d time.Duration) {
		queued, counted = 0, 0
		for end := now.Add(d); now.Before(end); {
			if n := min(f.room(), 8<<10); n == 8<<10 {
				f.left(n, now)
				acks = append(acks, ack{l.heardAt(now, n), n})
				continue
			}
			now = acks[0].at
			queued += max(0, l.free.Sub(now))
			counted++
			f.landed(acks[0].n, now)
			acks = acks[1:]
		}
	}
	check := func(what string) {
		t.Helper()
		holds := l.rate * l.trip.Seconds()
		if got := float64(f.limit); got < 0.9*holds || got > 1.5*holds+leastFlight {
			t.Errorf("%s: limit of %.0f, the path holds %.0f", what, got, holds)
		}
	}
	run(3 * time.Second)
	check("at first")
	run(10 * time.Minute)
	check("after ten minutes at full speed")
	if mean := queued / counted; mean > l.trip/6 {
		t.Errorf("an interrupt waits for %s of queue", mean)
	}
	l.trip = 200 * time.Millisecond
	run(20 * time.Second)
	check("on a longer path")
	l.trip, l.rate = 20*time.Millisecond, 1e6
	run(20 * time.Second)
	check("on a slow, short one")
}
