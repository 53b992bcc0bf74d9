package session

import "time"

// Link tells a session how the way to the server is.
type Link struct {
	// State is asked whenever Changed yields, and each second while offline.
	State   func() LinkState
	Changed <-chan struct{}
}

// LinkState is the way to the server at one moment.
type LinkState struct {
	Online bool
	Lost   time.Time // since when offline
	Heard  time.Time // when the server was heard last
	Trying string    // what is being tried, for people
}

// screen is the terminal's screen while notices may be drawn on it.
type screen struct{}

func (r *run) newScreen() *screen { return nil }

func (s *screen) Write(p []byte) (int, error) { return len(p), nil }
func (s *screen) typed(p []byte) []byte       { return p }
func (s *screen) givesUp([]byte) bool         { return false }
func (s *screen) resize()                     {}
func (s *screen) changed() <-chan struct{}    { return nil }
func (s *screen) update()                     {}
func (s *screen) close()                      {}
