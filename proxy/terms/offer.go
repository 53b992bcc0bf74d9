package terms

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tssh/proxy/wire"
)

// Version of everything here and in package terms. Ends of different versions do not talk.
const Version = 1

// Release is this program's version, for humans.
const Release = "0.1.0"

// ErrVersion is wrapped by the errors about an offer or a greeting of another version.
var ErrVersion = errors.New("another protocol version")

const (
	maxOffer = 4 << 10 // of a sane command line
	maxAlive = 10 * 365 * 24 * time.Hour
)

// Offer is what the client asks of a tsshd, and who may connect to it. All of
// it is public.
type Offer struct {
	Transport wire.Transport
	Ports     string        // where to listen: "61001-61999,7000"; empty: any
	ClientPin [32]byte      // SHA-256 of the client's public key, the only one let in
	Alive     time.Duration // silent longer than this, a peer is gone; 0: the server's default
	Heartbeat time.Duration // silent longer than this, another path is tried; 0: the default
	MTU       int           // largest datagram in bytes; 0: found by the transport
	Proxy     wire.Mode     // the kinds of path wanted
	Keys      []Key         // that sshd let the user in by; none after a password
	Keep      wire.Keep     // of a program's output while the client is away
	Ask       Ask           // what is wanted
	Name      string        // of the session to make, to attach or to end; empty: any
	Tell      bool          // whether sessions wait
	Bulk      bool          // a second connection of QUIC's, for bulk, below which proxies repair losses; a server that can says so in its greeting
	Halves    bool          // a datagram may be cut in two; a server that can says so in its greeting
	Inside    string        // TSSH_SESSION of who asks: the session that it runs in; empty: none
}

// Requests of sessions that outlive their clients; see the package's comment.
const (
	AttachRequest   = "attach@tssh"
	DetachRequest   = "detach@tssh"
	TakenRequest    = "taken@tssh"
	LeaveRequest    = "leave@tssh"
	LastWordRequest = "told@tssh"
)

// Ask is what a client wants of tsshd.
type Ask string

// What a client may want. Whatever does not begin or take over a session is
// answered by a Greeting with an Answer.
const (
	Begin  Ask = ""       // a session
	List   Ask = "list"   // of the user's sessions there
	Attach Ask = "attach" // to take one over
	Join   Ask = "join"   // Attach where there is one, else Begin
	End    Ask = "end"    // one: its programs are hung up
)

// String returns o as one word that no shell changes.
func (o Offer) String() string {
	word := fmt.Sprintf("%d/transport:%s/ports:%s/pin:%s/alive:%s/heartbeat:%s/mtu:%d/proxy:%s/keys:%s",
		Version, o.Transport, o.Ports, base64.RawURLEncoding.EncodeToString(o.ClientPin[:]),
		o.Alive, o.Heartbeat, o.MTU, o.Proxy, keyWords(o.Keys))
	if o.Keep != wire.UsualKeep {
		word += fmt.Sprintf("/keep:%d,%d", o.Keep.Terminal, o.Keep.Pipes)
	}
	if o.Ask != Begin {
		word += "/ask:" + string(o.Ask)
	}
	if o.Name != "" {
		word += "/name:" + base64.RawURLEncoding.EncodeToString([]byte(o.Name))
	}
	if o.Tell {
		word += "/tell:yes"
	}
	if o.Bulk {
		word += "/bulk:yes"
	}
	if o.Halves {
		word += "/halves:yes"
	}
	if o.Inside != "" {
		word += "/inside:" + o.Inside
	}
	return word
}

// ParseOffer reads what String wrote. Its error wraps ErrVersion when the word
// is an offer of another version.
func ParseOffer(word string) (Offer, error) {
	if len(word) > maxOffer {
		return Offer{}, fmt.Errorf("parse offer: %d bytes, at most %d are accepted", len(word), maxOffer)
	}
	version, rest, _ := strings.Cut(word, "/")
	switch n, err := strconv.ParseUint(version, 10, 31); {
	case err != nil:
		return Offer{}, fmt.Errorf("parse offer: %q is not a version", version)
	case n != Version:
		return Offer{}, fmt.Errorf("parse offer: version %d, this is %d: %w", n, Version, ErrVersion)
	}
	o := Offer{Keep: wire.UsualKeep}
	seen := make(map[string]bool)
	for field := range strings.SplitSeq(rest, "/") {
		name, value, ok := strings.Cut(field, ":")
		if !ok || seen[name] {
			return Offer{}, fmt.Errorf("parse offer: field %q is malformed or repeated", field)
		}
		seen[name] = true
		if err := o.set(name, value); err != nil {
			return Offer{}, fmt.Errorf("parse offer: %s: %w", name, err)
		}
	}
	if !seen["pin"] || !seen["transport"] {
		return Offer{}, errors.New("parse offer: a transport and the client's pin must be named")
	}
	return o, nil
}

func (o *Offer) set(name, value string) (err error) {
	switch name {
	case "transport":
		o.Transport, err = oneOf(wire.Transport(value), wire.QUIC, wire.KCP)
	case "ports":
		o.Ports, err = onlyBytes(value, "0123456789-,")
	case "pin":
		o.ClientPin, err = parsePin(value)
	case "alive":
		o.Alive, err = duration(value)
	case "heartbeat":
		o.Heartbeat, err = duration(value)
	case "mtu":
		var n uint64
		n, err = strconv.ParseUint(value, 10, 16)
		o.MTU = int(n)
	case "proxy":
		o.Proxy, err = oneOf(wire.Mode(value), "", wire.Auto, wire.OnlyUDP, wire.OnlyTCP, wire.OnlySSH)
	case "keep":
		o.Keep, err = parseKeep(value)
	case "keys":
		o.Keys, err = parseKeys(value)
	case "ask":
		value, err = oneOf(value, string(Begin), string(List), string(Attach), string(Join), string(End))
		o.Ask = Ask(value)
	case "name":
		o.Name, err = parseName(value)
	case "inside":
		o.Inside, err = onlyBytes(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") // of rand.Text
	case "tell":
		o.Tell = value == "yes"
	case "bulk":
		o.Bulk = value == "yes"
	case "halves":
		o.Halves = value == "yes"
	}
	return err
}

func parseName(value string) (string, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil {
		return "", err
	}
	return string(b), CheckName(string(b))
}

func parseKeep(value string) (k wire.Keep, err error) {
	terminal, pipes, _ := strings.Cut(value, ",")
	for _, part := range []struct {
		text string
		to   *int64
	}{{terminal, &k.Terminal}, {pipes, &k.Pipes}} {
		n, err := strconv.ParseUint(part.text, 10, 63)
		if err != nil || n > wire.MaxKeep {
			return k, fmt.Errorf("%q is not two sizes up to %d", value, int64(wire.MaxKeep))
		}
		*part.to = int64(n)
	}
	return k, nil
}

// parsePin reads a SHA-256.
func parsePin(value string) (pin [32]byte, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err == nil && len(b) != len(pin) {
		err = fmt.Errorf("%d bytes, %d are wanted", len(b), len(pin))
	}
	copy(pin[:], b)
	return pin, err
}

func oneOf[T ~string](value T, accepted ...T) (T, error) {
	for _, a := range accepted {
		if value == a {
			return a, nil
		}
	}
	return "", fmt.Errorf("%q is not one of %q", value, accepted)
}

func onlyBytes(value, accepted string) (string, error) {
	if strings.Trim(value, accepted) != "" {
		return "", fmt.Errorf("%q has bytes other than %q", value, accepted)
	}
	return value, nil
}

func duration(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err == nil && (d < 0 || d > maxAlive) {
		return 0, fmt.Errorf("%s is not between 0 and %s", d, maxAlive)
	}
	return d, err
}
