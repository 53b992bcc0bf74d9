package terms

// What a client, or the script that it sends ahead, calls tsshd with. The script
// writes the first two as options, as the oldest copies on servers know them.
const (
	CommandOffer  = "offer"  // an Offer: serve a session, and greet
	CommandVerify = "verify" // a SHA-256: is this file what was sent?
	CommandRelay  = "relay"  // a Greeting's Relay and PID: carry a path through ssh
)

// The exit statuses of tsshd. A client goes on to another copy of tsshd after any
// but ExitOK and ExitCannotServe.
const (
	ExitOK          = 0
	ExitFailure     = 1
	ExitUsage       = 2
	ExitCannotServe = 93 // the offer is understood, and another copy could not serve it either
	ExitGone        = 94 // of CommandRelay: the session has ended, for certain
)
