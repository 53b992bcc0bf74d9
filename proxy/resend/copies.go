// Package resend decides what of a path's losses is made good before a transport
// misses it: which datagrams are sent twice, and which are sent again when
// contact came back. Both ends of a session use it. It knows no clock, no
// socket and no goroutine.
package resend

import "time"

const (
	lossyFrom    = 0.01                  // loss both ways, from which small datagrams are sent twice,
	veryLossy    = 0.08                  // three times,
	mostlyLossy  = 0.25                  // and five times
	copyAfter    = 5 * time.Millisecond  // losses come in bursts, so copies wait,
	copyAgain    = 15 * time.Millisecond // each longer
	copyThird    = 30 * time.Millisecond
	copyFourth   = 50 * time.Millisecond
	copyBytes    = 4 << 10     // that copies may cost at once,
	copyRefill   = 4 << 10     // and a second
	waryFor      = time.Minute // after an outage
	quietWindow  = 100 * time.Millisecond
	quietMaximum = 2 << 10 // bytes in a window of a flow that is somebody typing
)

// Copies decides which datagrams are sent again before anybody misses
// them: on a path that loses some, a key that was lost costs a round trip and
// more, a copy of it less than a hundred bytes. Receivers drop what they have.
type Copies struct {
	window time.Time // when it began
	bytes  int       // written in it
	budget int
	filled time.Time
	wary   time.Time // until then every path counts as very lossy
}

// Returned is told when contact came back after an outage. An answer to what
// was sent in it, which comes now, makes QUIC believe in a round trip of up to
// a minute, and wait that long to repeat the next packet that is lost. A few
// dozen more answers teach it better.
func (r *Copies) Returned(now time.Time) { r.wary = now.Add(waryFor) }

// After returns after what times a datagram of size bytes is to be sent again.
func (r *Copies) After(now time.Time, size int, loss float64) []time.Duration {
	if now.Sub(r.window) > quietWindow {
		r.window, r.bytes = now, 0
	}
	r.bytes += size
	if now.Before(r.wary) {
		loss = max(loss, veryLossy)
	}
	if loss < lossyFrom || size > Small || r.bytes > quietMaximum {
		return nil
	}
	if r.filled.IsZero() {
		r.budget, r.filled = copyBytes, now
	}
	if more := int(now.Sub(r.filled) * copyRefill / time.Second); more > 0 {
		r.budget, r.filled = min(copyBytes, r.budget+more), now
	}
	var after []time.Duration
	for _, c := range []struct {
		from  float64
		after time.Duration
	}{{lossyFrom, copyAfter}, {veryLossy, copyAgain}, {mostlyLossy, copyThird}, {mostlyLossy, copyFourth}} {
		if loss < c.from || r.budget < size {
			break
		}
		r.budget -= size
		after = append(after, c.after)
	}
	return after
}
