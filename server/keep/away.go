package keep

import "time"

const (
	askAfter  = time.Second      // a write has waited for so long, and nothing was heard: ask
	patience  = 2 * time.Second  // for a sign of life, and
	trips     = 4                // round trips at least
	lookOften = time.Second / 10 // for one who is away, while no write waits
	askRarely = 25 * time.Second // who is there and takes nothing is not asked more often
)

// watch judges whether a client is away, of which a write waits.
//
//	there --a write waits, nothing heard--> asked --still nothing--> away
//	  ^-------------------- heard, or the write goes on ---------------'
//
// Slow is not away: whoever reads slowly, or has stopped its terminal, still
// answers, at the latest when asked. What is heard need not be authentic: a forged
// datagram makes the program wait, as it would without us, and nothing else.
type watch struct {
	began time.Time     // when the write did
	asked time.Time     // after it was heard last; zero: was not
	step  time.Duration // before the next question
	away  bool
}

// begin says that a write begins.
func (w *watch) begin(now time.Time) { *w = watch{began: now, step: askAfter} }

// look says what is to be done about a write that waits at now: ask the client for
// a sign of life, and look again after a while.
func (w *watch) look(now, heard time.Time, rtt time.Duration) (ask bool, again time.Duration) {
	if !w.asked.IsZero() && heard.After(w.asked) { // it answered, and will
		w.asked, w.away = time.Time{}, false
		w.step = min(2*w.step, askRarely)
	}
	if w.asked.IsZero() {
		from := w.began
		if heard.After(from) {
			from = heard
		}
		if left := w.step - now.Sub(from); left > 0 {
			return false, left
		}
		w.asked, ask = now, true
	}
	left := max(patience, trips*rtt) - now.Sub(w.asked)
	if w.away = left <= 0; w.away {
		left = askAfter // it may be back while the write still waits
	}
	return ask, left
}
