package gauge

import (
	"testing"
	"time"
)

// drive sends over a path with a queue as much as limit allows, and samples.
func drive(g *Gauge, now *time.Time, d, trip time.Duration, rate float64, limit func() int) {
	const piece = 10_000
	type flying struct {
		left, heard time.Time
		then        uint64
	}
	var air []flying
	var sent, delivered uint64
	var free time.Time
	for end := now.Add(d); now.Before(end); {
		if int(sent-delivered)+piece <= limit() {
			if free.Before(*now) {
				free = *now
			}
			free = free.Add(time.Duration(piece / rate * 1e9))
			air = append(air, flying{*now, free.Add(trip), delivered})
			sent += piece
			continue
		}
		*now = air[0].heard
		delivered += piece
		g.Sample(now.Sub(air[0].left), air[0].then, delivered)
		g.Age(*now, sent, delivered, limit())
		air = air[1:]
	}
}

func TestHolds(t *testing.T) {
	for _, c := range []struct {
		trip time.Duration
		rate float64
	}{
		{10 * time.Millisecond, 10e6},
		{200 * time.Millisecond, 5e6},
		{100 * time.Millisecond, 50e6},
	} {
		for _, d := range []time.Duration{5 * time.Second, time.Minute, 10 * time.Minute} {
			var g Gauge
			now := time.Unix(0, 0)
			drive(&g, &now, d, c.trip, c.rate, func() int {
				l := max(50_000, g.Holds()*5/4)
				if g.Draining() {
					return max(50_000, l/2)
				}
				return l
			})
			want := c.rate * c.trip.Seconds()
			if got := float64(g.Holds()); got < 0.9*want || got > 1.35*want {
				t.Errorf("after %v of %v at %.0f B/s it holds %.0f, not %.0f", d, c.trip, c.rate, got, want)
			}
		}
	}
}

func TestNonsenseIsNotMeasured(t *testing.T) {
	var g Gauge
	g.Sample(0, 0, 1000)
	g.Sample(-time.Second, 0, 1000)
	g.Sample(time.Second, 1000, 10)
	if g.Holds() != 0 || g.Draining() {
		t.Errorf("it holds %d", g.Holds())
	}
}
