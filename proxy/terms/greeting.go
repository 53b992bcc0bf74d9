package terms

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"tssh/proxy/visible"
)

const (
	greetingStart = "{tsshd:"
	greetingEnd   = ":tsshd}"
	maxGreeting   = 96 << 10 // below what client/bootstrap reads as one line
	maxAddrs      = 64
	maxWarnings   = 16
	maxWaiting    = 100
)

// Greeting is what a tsshd that listens tells its client through ssh. Whoever
// reads it can move the session to another address, so it goes nowhere else.
type Greeting struct {
	Version   int          // of the server's wire
	Release   string       // of the server's program, for humans
	Port      int          // of UDP and of TCP; 0: neither, only Relay works
	Addrs     []netip.Addr // the server's own, beside the one that ssh reached
	Secret    [32]byte     // from which all keys of knocks and of KCP come
	ServerPin [32]byte     // SHA-256 of the server's public key
	Relay     string       // unix socket of the path through ssh; empty: none
	PID       int          // of the tsshd that serves, for humans
	RC        bool         // sshd has run ~/.ssh/rc, and the first session does not unless it brings an agent or a display
	Warnings  []string     // for the user, e.g. that logging out will end the session
	Notes     []string     // for who looks for a reason: common, and nothing that the user can change
	Session   string       // its name
	Terminal  uint32       // of the session, to be attached; 0: a new one
	Bulk      bool         // the offer's Bulk is taken
	Halves    bool         // the offer's Halves is taken
	Hello     []byte       // the transport's answer to the client's Hello; empty: none, and both begin anew
	Waiting   []string     // names of sessions that a client could come back to, for who asked
	Answer    *Answer      // not nil: no session began, and the fields above but Release mean nothing
}

// Answer is what a tsshd says to who asked for something else than a session, or
// for one that it does not give.
type Answer struct {
	Sessions []Session `json:"sessions,omitempty"` // that there are
	Refusal  string    `json:"refusal,omitempty"`  // why it is not done; "": it is
	Choose   bool      `json:"choose,omitempty"`   // because several could be meant
}

// greetingJSON keeps the keys out of the reach of encoding/json's reflection
// on Greeting, whose String must hide them.
type greetingJSON struct {
	Release   string       `json:"release,omitempty"`
	Port      int          `json:"port"`
	Addrs     []netip.Addr `json:"addrs,omitempty"`
	Secret    []byte       `json:"secret"`
	ServerPin []byte       `json:"pin"`
	Relay     string       `json:"relay,omitempty"`
	PID       int          `json:"pid,omitempty"`
	RC        bool         `json:"rc,omitempty"`
	Warnings  []string     `json:"warnings,omitempty"`
	Notes     []string     `json:"notes,omitempty"`
	Session   string       `json:"session,omitempty"`
	Terminal  uint32       `json:"terminal,omitempty"`
	Bulk      bool         `json:"bulk,omitempty"`
	Halves    bool         `json:"halves,omitempty"`
	Hello     []byte       `json:"hello,omitempty"`
	Waiting   []string     `json:"waiting,omitempty"`
	Answer    *Answer      `json:"answer,omitempty"`
}

// Line returns g as one line with its newline. It sets the version itself.
func (g Greeting) Line() string {
	text, err := json.Marshal(greetingJSON{
		g.Release, g.Port, g.Addrs, g.Secret[:], g.ServerPin[:], g.Relay, g.PID, g.RC, g.Warnings, g.Notes,
		g.Session, g.Terminal, g.Bulk, g.Halves, g.Hello, g.Waiting, g.Answer,
	})
	if err != nil {
		panic("wire: a greeting of plain values does not marshal: " + err.Error())
	}
	return fmt.Sprintf("%s%d:%s%s\n", greetingStart, Version, base64.RawURLEncoding.EncodeToString(text), greetingEnd)
}

// String describes g without its secret, so that no log can hold it.
func (g Greeting) String() string {
	return fmt.Sprintf("greeting of tsshd %s, version %d, port %d, addresses %v, relay %q",
		g.Release, g.Version, g.Port, g.Addrs, g.Relay)
}

// GoString is String: %#v must not show the secret either.
func (g Greeting) GoString() string { return g.String() }

// FindGreeting looks for a greeting in line, whatever stands around it. found
// says that there is one; err, why it is of no use. An err that wraps ErrVersion
// comes with the version in the Greeting.
func FindGreeting(line []byte) (g Greeting, found bool, err error) {
	// The last start before the first end after it: noise may hold a start.
	for {
		_, rest, ok := bytes.Cut(line, []byte(greetingStart))
		if !ok {
			return Greeting{}, false, nil
		}
		line = rest
		body, _, ok := bytes.Cut(rest, []byte(greetingEnd))
		if !ok {
			return Greeting{}, false, nil
		}
		if !bytes.Contains(body, []byte(greetingStart)) {
			g, err = parseGreeting(string(body))
			return g, true, err
		}
	}
}

func parseGreeting(body string) (Greeting, error) {
	if len(body) > maxGreeting {
		return Greeting{}, fmt.Errorf("parse greeting: %d bytes, at most %d are accepted", len(body), maxGreeting)
	}
	version, text, ok := strings.Cut(body, ":")
	n, err := strconv.ParseUint(version, 10, 31)
	if !ok || err != nil {
		return Greeting{}, fmt.Errorf("parse greeting: %q is not a version", version)
	}
	if n != Version {
		return Greeting{Version: int(n)}, fmt.Errorf("parse greeting: version %d, this is %d: %w", n, Version, ErrVersion)
	}
	// The causes below are hidden: they could quote the secret.
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return Greeting{}, errors.New("parse greeting: not base64url")
	}
	var j greetingJSON
	if json.Unmarshal(raw, &j) != nil {
		return Greeting{}, errors.New("parse greeting: not the JSON of a greeting")
	}
	return j.greeting()
}

func (j greetingJSON) greeting() (Greeting, error) {
	g := Greeting{
		Version: Version, Release: visible.Line(j.Release), Port: j.Port,
		Relay: j.Relay, PID: j.PID, RC: j.RC, Bulk: j.Bulk, Halves: j.Halves, Hello: j.Hello,
		Session: visible.Line(j.Session), Terminal: j.Terminal, Waiting: j.Waiting,
	}
	if j.Answer != nil {
		j.Answer.Sessions = CleanSessions(j.Answer.Sessions)
		j.Answer.Refusal = visible.Line(j.Answer.Refusal)
		return Greeting{Version: Version, Release: g.Release, Answer: j.Answer}, nil
	}
	switch {
	case len(j.Secret) != len(g.Secret) || len(j.ServerPin) != len(g.ServerPin):
		return Greeting{}, errors.New("parse greeting: keys of the wrong length")
	case j.Port < 0 || j.Port > 65535:
		return Greeting{}, fmt.Errorf("parse greeting: port %d", j.Port)
	case j.Port == 0 && j.Relay == "":
		return Greeting{}, errors.New("parse greeting: neither a port nor a relay")
	case j.PID < 0:
		return Greeting{}, fmt.Errorf("parse greeting: process %d", j.PID)
	case len(j.Hello) > MaxHello:
		return Greeting{}, fmt.Errorf("parse greeting: a hello of %d bytes, at most %d are accepted", len(j.Hello), MaxHello)
	case len(j.Addrs) > maxAddrs || len(j.Warnings)+len(j.Notes) > maxWarnings || len(j.Waiting) > maxWaiting:
		return Greeting{}, errors.New("parse greeting: too many addresses, warnings or sessions")
	case j.Relay != visible.Line(j.Relay) || strings.Contains(j.Relay, "'"):
		return Greeting{}, errors.New("parse greeting: the relay's name has control characters or quotes")
	}
	for _, a := range j.Addrs {
		if !a.IsValid() {
			return Greeting{}, errors.New("parse greeting: an address is empty")
		}
		if a = a.Unmap(); isHost(a) {
			g.Addrs = append(g.Addrs, a)
		}
	}
	for _, w := range j.Warnings {
		g.Warnings = append(g.Warnings, visible.Line(w))
	}
	for _, n := range j.Notes {
		g.Notes = append(g.Notes, visible.Line(n))
	}
	for i := range g.Waiting {
		g.Waiting[i] = visible.Line(g.Waiting[i])
	}
	copy(g.Secret[:], j.Secret)
	copy(g.ServerPin[:], j.ServerPin)
	return g, nil
}

// isHost reports whether a may be another host's address, anywhere. The client
// sends knocks to the server's addresses and connects to them by TCP, so a server
// must not point it at the client's own machine, at what listens on its link, or
// at every host there. The address that ssh itself reached needs no such word.
func isHost(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.Zone() != "" { // not loopback, multicast, link-local, unspecified, 255.255.255.255
		return false
	}
	if a.Is4() {
		first := a.As4()[0]
		return first != 0 && first < 224 // this host; reserved, which some take for broadcast
	}
	b := a.As16()
	for _, wraps := range []struct {
		prefix netip.Prefix
		at     int
	}{{nat64, 12}, {sixToFour, 2}, {compatible, 12}} { // an IPv4 address in an IPv6 one
		if wraps.prefix.Contains(a) {
			return isHost(netip.AddrFrom4([4]byte(b[wraps.at:])))
		}
	}
	return true
}

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour  = netip.MustParsePrefix("2002::/16")
	compatible = netip.MustParsePrefix("::/96")
)
