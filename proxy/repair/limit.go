package repair

import (
	"math"
	"time"
)

const (
	cubicBeta  = 0.7 // of the window is left after a full queue,
	cubicScale = 0.4 // and so it grows again: see RFC 9438

	// A full queue lets through what it serves. What it does not is lost to an outage:
	outageRun  = 8                     // packets in a row, that
	outageSpan = 15 * time.Millisecond // took so long to send, or were half of what was under way
)

// limit bounds what is under way, as CUBIC would if it knew which losses tell of a full
// queue. Those do that come when there is a queue, and are more than come when there is
// none: the path's own losses, and its outages, know nothing of queues. So others at the same bottleneck,
// who slow down for each loss, keep their share, and loss by itself slows nothing down.
type limit struct {
	most    float64 // bytes that may be under way; Inf: no bound
	peak    float64 // when it was cut last,
	from    float64 // and to what
	cut     time.Duration
	after   uint64        // transmissions before this one met the queue that it was cut for
	queue   time.Duration // of what landed last
	longest time.Duration // of late
	calm    tally         // what was sent when the queue was short,
	tight   tally         // and when it was long
}

// tally counts packets that came, and gaps of such that did not, the old ones less and less.
type tally struct{ got, lost float64 }

func (c *tally) fade(by float64) { c.got, c.lost = c.got*by, c.lost*by }

func (l *limit) init() { *l = limit{most: math.Inf(1)} }

// see is told of the queue that what landed had met.
func (l *limit) see(queue time.Duration) {
	l.queue = queue
	l.longest = max(l.longest, queue)
}

// round is told that a round trip is over, in which there was a queue, or not.
func (l *limit) round(queue bool) {
	if !queue { // who slows down for each loss of the path's own is not there to be hurt
		l.most *= 1 + min(l.calm.lost/max(100, l.calm.got+l.calm.lost), 0.05)
	}
	l.longest -= l.longest / 64
	l.calm.fade(63.0 / 64)
	l.tight.fade(0.75)
}

// now returns the tally that counts now.
func (l *limit) now(jitter time.Duration) *tally {
	if l.queue > max(l.longest/2, 2*time.Millisecond+jitter) {
		return &l.tight
	}
	return &l.calm
}

// full reports whether the losses of late are of a full queue.
func (l *limit) full(starting bool) bool {
	own := l.calm
	if starting {
		own.lost++ // little is known yet
	}
	n, of := l.tight.got+l.tight.lost, max(1, own.got+own.lost)
	e := n * own.lost / of
	return l.tight.lost > e+3*math.Sqrt(e*(1+n/of))
}

// hit is told of a full queue, which lost what was sent with so many bytes under way;
// next is the transmission to come.
func (l *limit) hit(now time.Duration, flew float64, next uint64) {
	flew = min(flew, l.most)
	if flew < l.peak { // somebody else needs room, too
		l.peak = flew * (1 + cubicBeta) / 2
	} else {
		l.peak = flew
	}
	l.from = cubicBeta * flew
	l.most = max(l.from, leastWindow)
	l.cut, l.after = now, next
}

// grow lets the bound grow again, and go once it bounds nothing.
func (l *limit) grow(now, rtt time.Duration, bdp float64) {
	if math.IsInf(l.most, 1) {
		return
	}
	t := (now - l.cut + rtt).Seconds()
	k := math.Cbrt(l.peak / packet * (1 - cubicBeta) / cubicScale)
	reno := l.from + packet*3*(1-cubicBeta)/(1+cubicBeta)*(now-l.cut).Seconds()/rtt.Seconds()
	l.most = max(l.most, l.peak+packet*cubicScale*math.Pow(t-k, 3), reno)
	if l.most > 3*bdp {
		l.most = math.Inf(1)
	}
}
