package session

import (
	"time"

	"tssh/notify"
)

// Contact tells a session how the way to the server is.
type Contact struct {
	// State is asked whenever Changed yields, and each second while offline.
	State   func() ContactState
	Changed <-chan struct{}
}

// ContactState is the way to the server at one moment.
type ContactState struct {
	Online bool
	Lost   time.Time // since when offline
	Heard  time.Time // when the server was heard last
	Trying string    // what is being tried, for people
}

// logContact tells the log of lost contact, where no notice can be shown.
func (r *run) logContact(done <-chan struct{}) {
	if r.Contact == nil {
		return
	}
	wait := time.NewTimer(0)
	defer wait.Stop()
	var lost time.Time // told of
	for {
		select {
		case <-done:
			return
		case <-r.Contact.Changed:
		case <-wait.C:
		}
		st := r.Contact.State()
		silent := time.Since(st.Lost)
		switch {
		case st.Online || st.Lost.IsZero():
			if !lost.IsZero() {
				r.Log.Debugf("Contact is back after %s.", notify.Duration(time.Since(lost)))
			}
			lost = time.Time{}
		case silent < r.host.UdpReconnectTimeout:
			wait.Reset(r.host.UdpReconnectTimeout - silent)
		case lost.IsZero():
			lost = st.Lost
			r.Log.Debugf("No contact with %s for %s, trying %s.", r.host.HostName, notify.Duration(silent), st.Trying)
		}
	}
}
